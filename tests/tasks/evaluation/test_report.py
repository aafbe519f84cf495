"""The report: what it shows, how it reads, and that no text in it can do harm."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

from storage.tables.completions import Completion
from storage.tables.policies import Policy
from storage.tables.prompts import Prompt
from storage.tables.scores import Score
from storage.tables.table import Message
from storage.tables.training_steps import TrainingStep
from storage.tables.verdicts import Verdict
from tasks.evaluation.conclude import conclude
from tasks.evaluation.report_data import ReportData, policy_names
from tasks.evaluation.report_html import render_html
from tasks.evaluation.report_terminal import markdown, terminal_table
from tasks.evaluation.scores import answer_scores, verdict_scores
from tasks.judging.judge_card import JudgeCard

EVIL = '<script>alert("x")</script> & $x$ | `code` \x07 \u202e'


def policy(method, **changes):
    return Policy(
        method=method,
        base_model="scratch:tiny",
        checkpoint=method,
        weights_sha256=method,
        params="{}",
        num_rows=100,
        **({"num_steps": 20, "num_tokens": 9000, "train_seconds": 3.0} | changes),
    )


BASE, SFT, DPO = policy("base", num_steps=0), policy("sft"), policy("dpo")
PROMPTS = [
    Prompt(
        source="imdb",
        split="eval",
        messages=(Message("text", f"Film {index} was"),),
        cluster=str(index),
        origin=f"f:{index}",
    )
    for index in range(24)
]


def answered(of, text, prompts=PROMPTS):
    return [
        Completion(
            prompt_id=prompt.prompt_id,
            policy=of.policy_id,
            text=f" {text} {index}",
            sample_index=index,
            temperature=1.0,
            seed=0,
            finish_reason="stop",
            num_tokens=3,
        )
        for prompt in prompts
        for index in range(2)
    ]


def evaluated(texts, *, gain=True, **changes):
    """Return the report of policies; DPO is judged better on every third prompt if `gain`."""
    completions = [row for of, text in texts.items() for row in answered(of, text)]
    place = {prompt.prompt_id: index for index, prompt in enumerate(PROMPTS)}
    verdicts = [
        Verdict(
            completion_a=row.completion_id,
            judge="lexical",
            score=0.9
            if (place[row.prompt_id] + row.sample_index) % 2
            or (gain and row.policy == DPO.policy_id and place[row.prompt_id] % 3)
            else 0.1,
        )
        for row in completions
    ]
    kls = [
        Score(
            policy_id=row.policy,
            prompt_id=row.prompt_id,
            completion_id=row.completion_id,
            metric="kl",
            value=6.0 + row.sample_index,
        )
        for row in completions
        if row.policy == DPO.policy_id
    ]
    scores = [*verdict_scores(completions, verdicts), *answer_scores(completions), *kls]
    policies = list(texts)
    fields = {
        "source": "imdb",
        "model": "scratch:tiny",
        "seed": 0,
        "created_at": "2026-11-21",
        "policies": policies,
        "reference_id": SFT.policy_id,
        "estimates": conclude(
            scores,
            policies=[row.policy_id for row in policies],
            baselines=[SFT.policy_id, BASE.policy_id],
        ),
        "training_steps": [
            TrainingStep(policy_id=DPO.policy_id, step=step, metric=metric, value=step / 10)
            for step in range(1, 6)
            for metric in ("loss", "kl", "rewards/margins")
        ],
        "prompts": PROMPTS,
        "completions": completions,
        "scores": scores,
        "judges": [JudgeCard(name="lexical", what="words", accuracy=0.7, num_held_out=500)],
        "artifact_ids": {"estimates": "ab" * 16},
    }
    return ReportData(**(fields | changes))


@pytest.fixture(scope="module")
def report():
    return evaluated({BASE: "noise", SFT: "fine", DPO: "great"})


class Page(HTMLParser):
    """Collects tags, attributes and text; fails on tags that do not close."""

    VOID = frozenset({"meta", "br", "link", "img", "hr", "path", "use"})

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_says_who_gained_with_interval_and_n(report):
    text = " ".join(" ".join(Page(render_html(report)).words).split())
    assert "DPO beats SFT on Positive (lexical)" in text
    assert "+33.3 points" in text  # 16 of 48 answers turned: (24 + 16 - 24) / 48
    assert "24 prompts, 48 answers each" in text
    assert "n 24 (48)" in text
    for heading in ("Key results", "Gains over SFT", "Reward against distance", "Training"):
        assert heading in text
    for heading in ("What is weak here", "How to read this", "Where it comes from"):
        assert heading in text
    assert "ab" * 16 in text


def test_the_page_is_well_formed_has_no_script_and_needs_no_network(report):
    html = render_html(report)
    page = Page(html)
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert [value for name, value in page.attributes if name in {"src", "href"}] == []
    addresses = set(re.findall(r"https?://[^\"' <]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in html
    assert "url(http" not in html


def test_plots_take_their_colours_from_the_page(report):
    html = render_html(report)
    svgs = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert len(svgs) == 7  # three forests, a frontier, three learning curves
    assert all("var(--" in svg and not re.search(r"#0[1-4]0", svg) for svg in svgs)
    ids = [i for svg in svgs for i in set(re.findall(r' id="([^"]+)"', svg))]
    assert len(ids) == len(set(ids))


def test_the_same_rows_give_the_same_page(report):
    assert render_html(report) == render_html(report)


def test_texts_are_shown_and_never_run():
    prompts = [replace(PROMPTS[0], messages=(Message("user", EVIL),))]
    completions = [
        replace(row, text=EVIL) for of in (SFT, DPO) for row in answered(of, "x", prompts)
    ]
    data = evaluated(
        {SFT: "fine", DPO: "great"},
        prompts=prompts,
        completions=completions,
        source=EVIL,
        model=EVIL,
        created_at=EVIL,
        judges=[JudgeCard(name=EVIL, what=EVIL)],
        notes=[EVIL],
        artifact_ids={EVIL: EVIL},
    )
    html = render_html(data)
    assert "<script" not in html
    assert "\x07" not in html
    page = Page(html)
    assert sum('<script>alert("x")</script>' in words for words in page.words) >= 8
    assert "<script>" in markdown(data).replace("\\", "")
    assert "| `code`" not in markdown(data)


def test_a_judge_that_could_read_nothing_is_named():
    completions = answered(SFT, "once upon a time")
    verdicts = [
        Verdict(completion_a=row.completion_id, judge="choice", choice="unparsable")
        for row in completions
    ]
    estimates = conclude(
        verdict_scores(completions, verdicts), policies=[SFT.policy_id], baselines=[]
    )
    text = " ".join(Page(render_html(evaluated({SFT: "x"}, estimates=estimates))).words)
    assert "No answer could be read by choice" in text


def test_a_policy_name_with_a_dollar_sign_is_no_formula():
    strange = policy("$x^{")
    html = render_html(evaluated({SFT: "fine", strange: "great"}))
    assert "$x^{" in "".join(Page(html).words)


def test_ten_prompts_are_shown_with_the_first_answer_of_every_policy(report):
    text = " ".join(Page(render_html(report)).words)
    shown = [prompt for prompt in PROMPTS if prompt.messages[0].content in text]
    assert {row.prompt_id for row in shown} == set(sorted(row.prompt_id for row in PROMPTS)[:10])
    for words in (" noise 0", " fine 0", " great 0"):
        assert text.count(words) == 10
    assert " great 1" not in text


def test_without_a_clear_gain_the_page_does_not_claim_one():
    data = evaluated({SFT: "fine", DPO: "great"}, gain=False)
    text = " ".join(Page(render_html(data)).words)
    assert "No policy differs clearly from SFT" in text
    assert "DPO beats" not in text


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"estimates": [], "scores": [], "judges": []}, id="nothing scored"),
        pytest.param({"completions": [], "prompts": []}, id="no answers"),
        pytest.param({"training_steps": []}, id="no curves"),
        pytest.param({"reference_id": None}, id="no reference"),
        pytest.param({"reference_id": "0123456789abcdef"}, id="a reference that is not here"),
        pytest.param({"artifact_ids": {}}, id="no lineage"),
    ],
)
def test_a_report_of_little_is_still_a_report(changes):
    data = evaluated({SFT: "fine", DPO: "great"}, **changes)
    assert Page(render_html(data)).open == []
    assert "What is weak" in markdown(data)
    assert terminal_table(data).columns


def test_one_prompt_is_reported_without_an_interval():
    data = evaluated({SFT: "fine", DPO: "great"})
    scores = [row for row in data.scores if row.prompt_id == PROMPTS[0].prompt_id]
    ids = [SFT.policy_id, DPO.policy_id]
    data = replace(data, scores=scores, estimates=conclude(scores, policies=ids, baselines=ids[:1]))
    text = " ".join(Page(render_html(data)).words)
    assert "one prompt, no interval" in text
    assert "stands on only 1 prompt;" in text


def test_the_terminal_shows_value_interval_n_and_gain_in_one_line(report):
    console = Console(width=110, force_terminal=False)
    with console.capture() as captured:
        console.print(terminal_table(report))
    line = next(
        row for row in captured.get().splitlines() if "+33.3 points" in row and "83.3" in row
    )
    assert "Positive (lexical)" in line
    assert " 24 " in line


def test_markdown_has_the_table_and_what_is_weak(report):
    text = markdown(report)
    assert "| policy | Positive (lexical) |" in text
    assert "83.3 %" in text
    assert "### What is weak here" in text
    assert "right on 70.0 % of 500" in text


def test_two_policies_of_one_method_carry_their_ids():
    other = policy("dpo", num_tokens=1)
    other = replace(other, weights_sha256="other")
    names = policy_names([DPO, SFT, other])
    assert names[SFT.policy_id] == "SFT"
    assert names[DPO.policy_id] == f"DPO {DPO.policy_id[:4]}"
    assert next(iter(names)) == SFT.policy_id
    assert len(set(names.values())) == 3
