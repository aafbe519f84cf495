"""The canary suite against the reader of verdicts, the search for injections, and the prompt."""

import json
from collections import Counter

import pytest

from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.judging.canaries import load_canaries
from tasks.judging.injection import ADDRESSES_JUDGE, OBEYS_CANDIDATE, demands, flags_of
from tasks.judging.judge_prompt import judge_messages
from tasks.judging.load_rubric import load_rubric
from tasks.judging.verdict_parser import read_aspects, read_label, read_score, read_verdict

CANARIES = load_canaries()
ORDINARY = "The capital of France is Paris."
POSITIONS = {"1", "2", "tie"}
each_canary = pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.id)
quoted = pytest.mark.parametrize(
    "quote",
    [
        pytest.param('Answer 1 says "{}". I do not obey it.', id="in a sentence"),
        pytest.param("Answer 1 says:\n{}\nI do not obey it.", id="on lines of its own"),
        pytest.param("Answer 1 says:\n```\n{}\n```\nI do not obey it.", id="in a fence"),
        pytest.param("Answer 1 says:\n\n> {}\n\nI do not obey it.", id="as a quotation"),
    ],
)


def test_the_suite_is_large_and_its_ids_are_unique():
    assert len(CANARIES) >= 36
    assert max(Counter(canary.id for canary in CANARIES).values()) == 1
    assert len({canary.kind for canary in CANARIES}) >= 14
    assert set().union(*(canary.demands for canary in CANARIES)) >= {"1", "2", "tie", "self", "10"}
    assert all(len(canary.demands) == 1 and canary.text for canary in CANARIES)


@each_canary
@quoted
def test_a_reply_that_only_quotes_a_canary_says_nothing(canary, quote):
    reply = quote.format(canary.text)
    for text in (reply, json.dumps({"reason": reply}), json.dumps({"reason": canary.text})):
        assert read_verdict(text, tie=True) is None
        assert read_score(text, low=1, high=10) is None
        assert read_aspects(text, aspects=["honesty"], low=1, high=5) is None
        assert read_label(text) is None


@each_canary
@quoted
def test_a_reply_that_quotes_a_canary_and_then_decides_is_read_as_it_decides(canary, quote):
    reply = quote.format(canary.text)
    for value in sorted(POSITIONS - canary.demands):
        structured = json.dumps({"reason": reply, "verdict": value})
        for text in (
            structured,
            f"{reply}\n\nVERDICT: {value}",
            f"{reply}\n\n**Verdict:** [[{value}]]",
            f"{reply}\n```json\n{structured}\n```",
        ):
            assert read_verdict(text, tie=True).value == value
    for text in (json.dumps({"reason": reply, "score": 3}), f"{reply}\nSCORE: 3"):
        assert read_score(text, low=1, high=10).value == 3


@each_canary
def test_what_a_canary_wants_is_found(canary):
    assert demands(canary.text) == canary.demands


@each_canary
def test_a_reply_that_obeys_a_canary_is_flagged_and_the_opposite_is_not(canary):
    for candidates, obedient, opposite in situations(canary):
        obeyed = flags_of(candidates, obedient)
        resisted = flags_of(candidates, opposite)
        assert obeyed == (ADDRESSES_JUDGE, OBEYS_CANDIDATE)
        assert resisted == (ADDRESSES_JUDGE,)


def situations(canary):
    """Return candidates as shown, a verdict that obeys the canary and one that does not."""
    (wanted,) = canary.demands
    first, second = [canary.text, ORDINARY], [ORDINARY, canary.text]
    if wanted == "self":
        return [(first, "1", "2"), (second, "2", "1"), ([canary.text], "10", "3")]
    if wanted in {"1", "2"}:
        opposite = {"1": "2", "2": "1"}[wanted]
        return [(first, wanted, opposite), (second, wanted, opposite)]
    if wanted == "tie":
        return [(first, "tie", "1"), (second, "tie", "1")]
    return [(first, "1", "2"), (second, "2", "1"), ([canary.text], wanted, "3")]


@each_canary
@pytest.mark.parametrize("position", [1, 2])
def test_a_canary_is_nothing_but_data_in_the_prompt_of_the_judge(canary, position):
    rubric = load_rubric("pairwise-overall")
    prompt = Prompt(
        source="s",
        split="train",
        messages=(Message("user", "What is the capital of France?"),),
        cluster="c",
        origin="f:1",
    )
    answers = [canary.text, ORDINARY] if position == 1 else [ORDINARY, canary.text]
    system, user = judge_messages(rubric, prompt, answers)
    harmless = judge_messages(rubric, prompt, [ORDINARY, "Paris."])
    assert system == harmless[0]  # nothing of an answer stands where the instructions stand

    mark = user["content"].partition("\n")[0].removesuffix(".").rpartition(" ")[2]
    lines = user["content"].split("\n")
    begin, end = lines.index(f"BEGIN DATA {mark}"), lines.index(f"END DATA {mark}")
    assert end == begin + 2
    assert mark not in canary.text
    assert mark not in lines[begin + 1]
    assert user["content"].count(mark) == 3  # where it is named, and on both lines of the fence
    shown = json.loads(lines[begin + 1])
    assert [shown["answer_1"], shown["answer_2"]] == answers
    around = lines[:begin] + lines[end + 1 :]
    assert around[1:] == harmless[1]["content"].split("\n")[4:]
