"""Judged answers, whoever gave them and whoever judges: what always holds."""

from collections import Counter
from math import comb

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tasks.judging.llm_judge import LlmJudge
from tasks.judging.load_rubric import load_rubric
from tasks.judging.params import JudgingParams
from tasks.pairs.api_candidates import api_candidates
from tasks.pairs.asked_judge import Compares, Scores
from tasks.pairs.fault import Fault
from tasks.pairs.judged import judged_pairs
from tasks.sampling.api.params import ChatParams
from tasks.sampling.api.reply import Outcome
from tasks.sampling.params import SamplingParams
from tasks.sampling.sample import sample
from tests.fakes.scripted_api import data_in
from tests.tasks.pairs.small_world import (
    FunctionApi,
    TextComparer,
    TextScorer,
    answers,
    longer,
    no_reply,
    prompt,
)

FAULTS = st.sampled_from([Outcome.PENDING, Outcome.TIMEOUT, Outcome.REFUSAL])
TEXTS = st.lists(st.text("abcdef", min_size=1, max_size=3), max_size=5)
CASES = st.lists(st.tuples(TEXTS, st.lists(FAULTS, max_size=2)), max_size=4)
PARAMS = st.builds(
    JudgingParams,
    pairing=st.sampled_from(["all", "best-worst"]),
    min_margin=st.sampled_from([0.0, 0.1, 2.0]),
)


def compare(first, second):
    """Say what depends on the texts alone, and is everything that can happen to a comparison."""
    kind = (len(first) * len(second) + len(first) + len(second)) % 7
    if kind == 0:
        return "unparsable"
    if kind == 1:
        return Outcome.PENDING
    if kind == 2:
        return Outcome.SERVER_ERROR
    if kind == 3:
        return "1"
    return "tie" if first == second else "1" if first > second else "2"


def score(text):
    """Say what depends on the text alone, and is everything that can happen to a score."""
    if text.startswith("a"):
        return "unparsable"
    if text.startswith("b"):
        return Outcome.PENDING
    if text.startswith("c"):
        return Outcome.SERVER_ERROR
    return float(len(text))


JUDGES = st.sampled_from(
    [
        Scores(TextScorer(score, flagged=frozenset({"d", "ee"}))),
        Compares(TextComparer(compare, flagged=frozenset({"d", "ee"}))),
        Compares(TextComparer(longer)),
    ]
)


def world(cases):
    """Return the prompts, answers and faults of cases of (texts, outcomes of failed calls)."""
    prompts = [prompt(f"p{number}") for number in range(len(cases))]
    rows = [
        row
        for asked, (texts, _) in zip(prompts, cases, strict=True)
        for row in answers(asked, *texts)
    ]
    faults = [
        Fault(asked.prompt_id, outcome, "why")
        for asked, (_, outcomes) in zip(prompts, cases, strict=True)
        for outcome in outcomes
    ]
    return prompts, rows, faults


@given(CASES, JUDGES, PARAMS)
def test_every_prompt_has_one_outcome_and_pairs_are_of_its_own_answers(cases, judge, params):
    prompts, rows, faults = world(cases)
    made = judged_pairs(prompts, rows, faults, judge, params)
    assert [row.prompt_id for row in made.outcomes] == [asked.prompt_id for asked in prompts]
    assert made.completions == tuple(rows)
    texts = {(row.prompt_id, row.completion_id): row.text for row in rows}
    for pair in made.pairs:
        assert pair.chosen != pair.rejected
        assert texts[pair.prompt_id, pair.chosen_id] == pair.chosen
        assert texts[pair.prompt_id, pair.rejected_id] == pair.rejected
        assert 0 < pair.margin >= params.min_margin
    assert len({pair.pair_id for pair in made.pairs}) == len(made.pairs)
    per_prompt = Counter(pair.prompt_id for pair in made.pairs)
    for row in made.outcomes:
        assert row.num_pairs == per_prompt[row.prompt_id]
        assert (row.status == "paired") == (row.num_pairs > 0)


@given(CASES, PARAMS.filter(lambda params: params.pairing == "all"))
def test_every_two_answers_have_one_fate(cases, params):
    prompts, rows, faults = world(cases)
    judge = Compares(TextComparer(compare, flagged=frozenset({"d", "ee"})))
    made = judged_pairs(prompts, rows, faults, judge, params)
    for row, (texts, outcomes) in zip(made.outcomes, cases, strict=True):
        num_refused = outcomes.count(Outcome.REFUSAL)
        fates = (
            row.num_pairs
            + row.num_ties
            + row.num_undecided
            + row.num_same_text
            + row.num_unparsable
            + row.num_flagged
            + row.num_failed
            + row.num_pending
        )
        assert fates == comb(len(texts), 2) + len(outcomes) - num_refused
        assert row.num_completions == len(texts)
        assert row.num_verdicts == 2 * comb(len(set(texts)), 2)


@given(CASES, PARAMS)
def test_every_scored_answer_has_one_fate(cases, params):
    prompts, rows, _ = world(cases)
    judge = Scores(TextScorer(score, flagged=frozenset({"d", "ee"})))
    made = judged_pairs(prompts, rows, [], judge, params)
    for row, (texts, _) in zip(made.outcomes, cases, strict=True):
        lost = row.num_unparsable + row.num_flagged + row.num_failed + row.num_pending
        usable = len(texts) - lost
        couples = row.num_pairs + row.num_ties + row.num_same_text
        assert couples == (comb(usable, 2) if params.pairing == "all" else int(usable >= 2))
        assert row.num_verdicts == len(texts)


@given(CASES, JUDGES, PARAMS, st.randoms(use_true_random=False))
def test_the_order_of_the_answers_changes_nothing(cases, judge, params, random):
    prompts, rows, faults = world(cases)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert judged_pairs(prompts, shuffled, faults, judge, params) == judged_pairs(
        prompts, rows, faults, judge, params
    )


@given(st.lists(st.integers(1, 30), min_size=2, max_size=5, unique=True), st.permutations(range(5)))
def test_which_text_is_chosen_does_not_depend_on_its_place(lengths, order):
    asked = prompt()
    texts = ["x" * length for length in lengths]
    moved = [texts[place] for place in order if place < len(texts)]
    for judge in (Compares(TextComparer(longer)), Scores(TextScorer(lambda t: float(len(t))))):
        for pairing in ("all", "best-worst"):
            params = JudgingParams(pairing=pairing)
            chosen = [
                {
                    (pair.chosen, pair.rejected)
                    for pair in judged_pairs(
                        [asked], answers(asked, *given), [], judge, params
                    ).pairs
                }
                for given in (texts, moved)
            ]
            assert chosen[0] == chosen[1]
            assert ("x" * max(lengths), "x" * min(lengths)) in chosen[0]


def test_a_prompt_whose_answers_never_came_gives_no_pair():
    prompts, rows, faults = world([(["d"], [Outcome.PENDING]), ([], [Outcome.TIMEOUT] * 2)])
    made = judged_pairs(prompts, rows, faults, Compares(TextComparer(longer)), JudgingParams())
    assert made.pairs == ()
    assert [row.status for row in made.outcomes] == ["pending", "failed"]


def answer_or_judge(request):
    """Answer with as many words as the draw's number, and prefer the longer of two answers."""
    if request.model == "writer":
        return "word " * (request.sample_index + 1)
    data = data_in(request.body)
    longest = 1 if len(data["answer_1"]) > len(data["answer_2"]) else 2
    return orjson.dumps({"reason": "x", "verdict": str(longest)}).decode()


def test_an_api_answers_and_an_llm_judge_of_the_same_api_prefers():
    api = FunctionApi(answer_or_judge)
    prompts = [prompt("q0"), prompt("q1")]
    params = JudgingParams(judge="llm:critic", pairing="all")
    judge = LlmJudge(api, "critic", load_rubric(params.rubric), params)
    found = api_candidates(api, "writer", prompts, num_samples=3, chat=ChatParams())
    made = judged_pairs(prompts, found.completions, found.faults, Compares(judge), params)
    assert [len(batch) for batch in api.batches] == [2, 4, 12]  # 2 prompts x 3 comparisons x 2
    assert [(len(p.chosen.split()), len(p.rejected.split())) for p in made.pairs] == [
        (2, 1),
        (3, 1),
        (3, 2),
    ] * 2
    assert {pair.labeler for pair in made.pairs} == {"llm:critic pairwise-overall"}
    assert {row.status for row in made.outcomes} == {"paired"}


def test_a_judge_without_budget_leaves_all_prompts_pending():
    params = JudgingParams(judge="llm:critic")
    api = FunctionApi(lambda _: no_reply(Outcome.PENDING, "the run's budget is spent"))
    judge = LlmJudge(api, "critic", load_rubric(params.rubric), params)
    asked = prompt()
    made = judged_pairs([asked], answers(asked, "a", "b"), [], Compares(judge), params)
    (row,) = made.outcomes
    assert (row.status, row.num_pending, row.num_verdicts) == ("pending", 1, 2)
    assert row.detail == "judge: pending: the run's budget is spent"
    assert made.pairs == ()


def test_answers_of_our_own_policy_become_pairs(tiny_llama):
    prompts = [prompt(name, ("text", name)) for name in ("The film", "I", "A warm")]
    rows = sample(
        tiny_llama,
        prompts,
        policy_id="sft",
        num_samples=4,
        params=SamplingParams(max_tokens=8),
        seed=0,
    )
    judge = Scores(TextScorer(lambda text: float(text.count("e"))))
    made = judged_pairs(prompts, rows, [], judge, JudgingParams(min_margin=1))
    assert made.completions == tuple(rows)
    for row in made.outcomes:
        counts = [r.text.count("e") for r in rows if r.prompt_id == row.prompt_id]
        expected = "paired" if max(counts) > min(counts) else "tied"
        assert row.status == expected
    assert [row.status for row in made.outcomes].count("paired") == len(made.pairs) > 0
