"""The fake's decisions, read by OpenAI's own client."""

import openai
import pytest

from tests.fakes.api_client import connect
from tests.fakes.api_decisions import choice_answer
from tests.fakes.api_server import FakeApi

PREDICATE = {"type": "predicate", "name": "kind", "instructions": "It is kind."}
CHOICE = {
    "type": "choice",
    "instructions": "Which one?",
    "choices": [{"value": "A"}, {"value": "B"}, {"value": True}],
}
LEVELS = [{"label": "bad"}, {"label": "fair"}, {"label": "good"}]
SCORE = {"type": "score", "name": "mark", "instructions": "How good?", "levels": LEVELS}


def decide(api):
    with connect(api) as client:
        questions = [PREDICATE, CHOICE, SCORE]
        return client.decisions.create(model="m", input="Some text", questions=questions)


def test_decisions_have_a_probability_for_every_option():
    with FakeApi() as api:
        reply, again = decide(api), decide(api)
    predicate, choice, score = reply.answers
    assert reply == again
    assert predicate.name == "kind"
    assert 0 < predicate.probability < 1
    assert [row.value for row in choice.probabilities] == ["A", "B", True]
    assert sum(row.probability for row in choice.probabilities) == pytest.approx(1)
    assert choice.confidence == max(row.probability for row in choice.probabilities)
    assert [(row.label, row.value) for row in score.probabilities] == [
        ("bad", 0),
        ("fair", 1),
        ("good", 2),
    ]
    low, middle, high = (row.probability for row in score.probabilities)
    assert low + middle + high == pytest.approx(1)
    assert score.score == pytest.approx(middle + 2 * high)
    # Words read: "Some text" 2, "It is kind." 3, "Which one?" 2, "How good?" 2.
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (9, 3)


def test_decisions_may_be_given():
    with FakeApi(decide=lambda _: [choice_answer(CHOICE, [0.2, 0.5, 0.3])]) as api:
        (answer,) = decide(api).answers
    assert (answer.choice, answer.confidence) == ("B", 0.5)


@pytest.mark.parametrize(
    ("fault", "types"),
    [
        ("refusal", ["refusal", "refusal", "refusal"]),
        ("fewer", ["predicate", "choice"]),
        ("no-choices", []),
    ],
)
def test_decisions_may_be_refused_or_missing(fault, types):
    with FakeApi(faults=[fault]) as api:
        assert [answer.type for answer in decide(api).answers] == types


def test_a_fault_of_texts_is_refused_for_decisions_that_have_none():
    with (
        pytest.raises(ValueError, match="whose answers have none"),
        FakeApi(faults=["prose"]) as api,
        pytest.raises(openai.APIConnectionError),
    ):
        decide(api)
