"""A helpful and a poor answer to each prompt as a pair."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.pairs.contrast import contrast_pairs
from tasks.pairs.intended_pairs import OVERRULED
from tasks.pairs.params import ContrastParams
from tasks.sampling.api.reply import Outcome
from tests.tasks.pairs.small_world import FunctionApi, TextComparer, longer, no_reply, prompt

PROMPTS = [prompt("q0"), prompt("q1")]
PARAMS = ContrastParams(model="m", helpful_system="HELP", poor_system="HARM")
VERIFIED = PARAMS.model_copy(update={"verify": True})


def system_of(request):
    return request.body["messages"][0]["content"]


def question_of(request):
    return request.body["messages"][-1]["content"]


def write(request):
    kind = "a helpful answer" if system_of(request) == "HELP" else "poor"
    return f"{kind} to {question_of(request)}"


def only(made):
    (row,) = made.outcomes
    return row


def test_the_helpful_answer_is_chosen_and_the_poor_one_rejected():
    api = FunctionApi(write)
    made = contrast_pairs(PROMPTS, api, PARAMS)
    (batch,) = api.batches
    assert [(system_of(r), question_of(r)) for r in batch] == [
        ("HELP", "q0"),
        ("HARM", "q0"),
        ("HELP", "q1"),
        ("HARM", "q1"),
    ]
    assert [(pair.chosen, pair.rejected) for pair in made.pairs] == [
        ("a helpful answer to q0", "poor to q0"),
        ("a helpful answer to q1", "poor to q1"),
    ]
    pair = made.pairs[0]
    assert (pair.labeler_kind, pair.labeler) == ("llm", "contrast:m")
    assert (pair.agreement, pair.margin) == (None, None)
    assert (pair.chosen_id, pair.rejected_id) == tuple(
        row.completion_id for row in made.completions[:2]
    )
    assert [(row.policy, row.sample_index) for row in made.completions[:2]] == [
        ("llm:m", 0),
        ("llm:m", 1),
    ]
    assert [row.status for row in made.outcomes] == ["paired", "paired"]
    assert made.verdicts == ()


def test_two_answers_of_one_text_are_no_pair():
    for params in (PARAMS, VERIFIED):
        judge = TextComparer(longer)
        made = contrast_pairs(PROMPTS[:1], FunctionApi(lambda _: "same"), params, judge=judge)
        assert made.pairs == made.verdicts == ()
        assert (only(made).status, only(made).num_same_text) == ("same-text", 1)


@pytest.mark.parametrize(
    ("outcome", "status", "num_failed", "num_pending"),
    [
        (Outcome.PENDING, "pending", 0, 1),
        (Outcome.TIMEOUT, "failed", 1, 0),
        (Outcome.REFUSAL, "refused", 0, 0),
        (Outcome.CONTENT_FILTER, "refused", 0, 0),
    ],
)
@pytest.mark.parametrize("side", ["HELP", "HARM"])
def test_a_pair_needs_both_answers(side, outcome, status, num_failed, num_pending):
    api = FunctionApi(lambda r: no_reply(outcome) if system_of(r) == side else write(r))
    made = contrast_pairs(PROMPTS[:1], api, VERIFIED, judge=TextComparer(longer))
    row = only(made)
    assert made.pairs == made.verdicts == ()
    assert (row.status, row.num_failed, row.num_pending) == (status, num_failed, num_pending)
    assert row.num_completions == len(made.completions) == 1
    step = "helpful answer" if side == "HELP" else "poor answer"
    assert row.detail == f"{outcome}: {step}: why"


def test_a_refusal_to_write_a_poor_answer_costs_no_other_prompt_its_pair():
    def say(request):
        poor_q0 = system_of(request) == "HARM" and question_of(request) == "q0"
        return no_reply(Outcome.REFUSAL) if poor_q0 else write(request)

    made = contrast_pairs(PROMPTS, FunctionApi(say), PARAMS)
    assert [row.status for row in made.outcomes] == ["refused", "paired"]
    assert [pair.prompt_id for pair in made.pairs] == [PROMPTS[1].prompt_id]


def test_a_verified_pair_carries_the_judges_margin_and_the_methods_name():
    judge = TextComparer(lambda first, _: 0.8 if first.startswith("a helpful") else 0.4)
    made = contrast_pairs(PROMPTS, FunctionApi(write), VERIFIED, judge=judge)
    assert judge.num_calls == 1
    assert [row.num_verdicts for row in made.outcomes] == [2, 2]
    pair = made.pairs[0]
    assert pair.margin == pytest.approx(0.4)  # (0.6 + 0.2) / 2
    assert (pair.agreement, pair.labeler) == (1.0, "contrast:m")


@pytest.mark.parametrize(
    ("say", "status", "detail"),
    [
        pytest.param(lambda a, b: longer(b, a), "tied", OVERRULED, id="the poor one wins"),
        pytest.param(lambda *_: "tie", "tied", "", id="a tie"),
        pytest.param(lambda *_: "1", "undecided", "", id="the first shown wins"),
        pytest.param(lambda *_: "unparsable", "unparsable", "judge: ok", id="not readable"),
        pytest.param(lambda *_: Outcome.PENDING, "pending", "judge: pending: why", id="no budget"),
        pytest.param(
            lambda first, _: 0.52 if first.startswith("a helpful") else 0.48,
            "tied",
            "",
            id="margin 0.04 below 0.1",
        ),
    ],
)
def test_only_what_the_judge_confirms_is_kept(say, status, detail):
    judge = TextComparer(say)
    made = contrast_pairs(PROMPTS[:1], FunctionApi(write), VERIFIED, judge=judge, min_margin=0.1)
    assert made.pairs == ()
    assert len(made.verdicts) == 2
    assert (only(made).status, only(made).detail) == (status, detail)


def test_a_verdict_that_obeys_an_answer_confirms_nothing():
    judge = TextComparer(longer, flagged=frozenset({"poor to q0"}))
    made = contrast_pairs(PROMPTS[:1], FunctionApi(write), VERIFIED, judge=judge)
    assert (made.pairs, only(made).status, only(made).num_flagged) == ((), "flagged", 1)


def test_verification_needs_a_judge_before_anything_is_paid():
    api = FunctionApi(write)
    with pytest.raises(ValueError, match="no judge"):
        contrast_pairs(PROMPTS, api, VERIFIED)
    assert api.batches == []


KINDS = st.sampled_from(["text", "same", "refused", "failed", "pending"])
REPLIES = {
    "refused": no_reply(Outcome.REFUSAL),
    "failed": no_reply(Outcome.SERVER_ERROR),
    "pending": no_reply(Outcome.PENDING),
    "same": "same",
}


@given(st.lists(st.tuples(KINDS, KINDS), max_size=5), st.booleans())
def test_every_prompt_has_one_outcome_and_a_pair_only_of_two_different_texts(kinds, verify):
    prompts = [prompt(f"q{number}") for number in range(len(kinds))]

    def say(request):
        both = kinds[int(question_of(request)[1:])]
        return REPLIES.get(both[system_of(request) == "HARM"], write(request))

    params = VERIFIED if verify else PARAMS
    made = contrast_pairs(prompts, FunctionApi(say), params, judge=TextComparer(longer))
    assert [row.prompt_id for row in made.outcomes] == [asked.prompt_id for asked in prompts]
    assert sum(row.num_pairs for row in made.outcomes) == len(made.pairs)
    texts = {row.completion_id: (row.prompt_id, row.text) for row in made.completions}
    for pair in made.pairs:
        assert texts[pair.chosen_id] == (pair.prompt_id, pair.chosen)
        assert texts[pair.rejected_id] == (pair.prompt_id, pair.rejected)
    for row, (helpful, poor) in zip(made.outcomes, kinds, strict=True):
        came = [kind in {"text", "same"} for kind in (helpful, poor)]
        assert row.num_completions == sum(came)
        assert row.status != "paired" or (all(came) and (helpful, poor) != ("same", "same"))
        expected = {"pending", "failed", "refused"} & {helpful, poor}
        assert not expected or row.status in expected
