"""The decisions endpoint: what is asked, and what its answers come to."""

import pytest
from openai.types.decision import Decision
from openai.types.decision_create_params import DecisionCreateParams
from pydantic import TypeAdapter

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.judging.choice_labels import ChoiceKey
from tasks.judging.decision_answer import DECISION_READER, is_refused, read_decision
from tasks.judging.decision_question import check_decidable, decision_body
from tasks.judging.load_rubric import load_rubric, rubric_names
from tasks.judging.rubric import Rubric
from tests.fakes.api_decisions import decide_by_digest, decision
from tests.fakes.scripted_api import data_in

PAIRWISE, SCORE = load_rubric("pairwise-overall"), load_rubric("helpful")
ASPECTS, CHOICE = load_rubric("four-aspect"), load_rubric("risk-choice")
KEY = ChoiceKey(
    chosen=frozenset({"2"}), rejected=frozenset({"1"}), options=frozenset({"1", "2", "3"})
)
PROMPT = Prompt(
    source="s", split="train", messages=(Message("user", "q"),), cluster="c", origin="f:1"
)
BODY = TypeAdapter(DecisionCreateParams)


def body_of(rubric):
    answers = ["x", "y"] if rubric.kind == "pairwise" else ["x"]
    return decision_body("gpt-6-luna", rubric, PROMPT, answers, key=KEY)


def choice(shares, *, name="verdict", **fields):
    rows = [{"value": value, "probability": share} for value, share in shares.items()]
    best = max(shares, key=shares.get)
    answer = {"type": "choice", "name": name, "choice": best, "confidence": 1.0}
    return answer | {"probabilities": rows} | fields


def score(shares, *, name="score", first_level=0):
    rows = [
        {"label": label, "value": value, "probability": share}
        for value, (label, share) in enumerate(shares.items(), start=first_level)
    ]
    return {"type": "score", "name": name, "score": 0.0, "confidence": 1.0, "probabilities": rows}


@pytest.mark.parametrize("name", rubric_names())
def test_the_openai_client_accepts_every_body_and_every_reply_to_it(name):
    rubric = load_rubric(name)
    body = body_of(rubric)
    BODY.validate_python(body)
    reply = decision(body, decide_by_digest)
    Decision.model_validate(reply)
    assert read_decision(reply["answers"], rubric, key=KEY).parser == DECISION_READER


def test_the_data_stands_in_the_same_fence_as_in_a_chat():
    body = body_of(PAIRWISE)
    assert data_in(body) == {
        "conversation": [{"role": "user", "content": "q"}],
        "answer_1": "x",
        "answer_2": "y",
    }
    assert set(body) == {"model", "input", "questions"}
    assert "# Reply" not in body["input"][0]["content"]


def test_a_question_offers_exactly_what_the_rubric_allows():
    def offered(rubric):
        return [
            [part.get("value", part.get("label")) for part in question.get("choices", [])]
            or [level["label"] for level in question["levels"]]
            for question in body_of(rubric)["questions"]
        ]

    assert offered(PAIRWISE) == [["1", "2", "tie"]]
    assert offered(SCORE) == [["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]]
    assert offered(ASPECTS) == [["1", "2", "3", "4", "5"]] * 4
    assert offered(CHOICE) == [["1", "2", "3", "none"]]
    assert [question["name"] for question in body_of(ASPECTS)["questions"]] == list(ASPECTS.aspects)


def test_a_comparison_takes_the_likeliest_verdict_and_the_probability_of_the_first():
    reading = read_decision([choice({"1": 0.3, "2": 0.6, "tie": 0.1})], PAIRWISE)
    assert (reading.said, reading.shown) == ("2", "2")
    assert reading.probability == pytest.approx(0.35)  # 0.3 + 0.1 / 2


@pytest.mark.parametrize("first_level", [0, 1, 7], ids=["from 0", "from 1", "from anywhere"])
def test_the_expected_score_goes_by_labels_however_levels_are_counted(first_level):
    answer = score({"6": 0.25, "8": 0.5, "10": 0.25}, first_level=first_level)
    reading = read_decision([answer], SCORE)
    assert (reading.said, reading.score) == ("8", pytest.approx(8.0))  # 1.5 + 4 + 2.5


def test_the_score_of_aspects_is_the_mean_and_answers_are_found_by_name():
    answers = [
        score({"3": 0.5, "5": 0.5}, name="helpfulness"),
        score({"2": 1.0}, name="honesty"),
        score({"1": 1.0}, name="truthfulness"),
        score({"5": 1.0}, name="instruction_following"),
    ]
    assert read_decision(answers, ASPECTS).score == pytest.approx(3.0)  # (4 + 2 + 1 + 5) / 4


def test_answers_without_names_are_taken_in_order():
    answers = [score({str(point): 1.0}, name=None) for point in (5, 1, 2, 4)]
    assert read_decision(answers, ASPECTS).score == pytest.approx(3.0)


def test_a_choice_scores_the_risk_averse_option_among_those_that_were_chosen():
    answer = choice({"1": 0.1, "2": 0.6, "3": 0.1, "none": 0.2}, name="label")
    reading = read_decision([answer], CHOICE, key=KEY)
    assert (reading.said, reading.score, reading.probability) == ("2", 0.75, 0.75)


@pytest.mark.parametrize(
    ("answers", "rubric"),
    [
        pytest.param([], PAIRWISE, id="no answer"),
        pytest.param([{"type": "refusal", "name": "verdict"}], PAIRWISE, id="refused"),
        pytest.param([score({"1": 1.0}, name="verdict")], PAIRWISE, id="another type"),
        pytest.param([choice({"1": 1.0}, name="other")], PAIRWISE, id="another question"),
        pytest.param([choice({"A": 0.9, "1": 0.1})], PAIRWISE, id="values not asked for"),
        pytest.param([choice({"1": -0.5, "2": 1.5})], PAIRWISE, id="negative"),
        pytest.param([choice({"1": 1.0}, probabilities=None)], PAIRWISE, id="no probabilities"),
        pytest.param([choice({"1": 1.0}, probabilities=[1.0])], PAIRWISE, id="bare numbers"),
        pytest.param(
            [choice({"1": 1.0}, probabilities=[{"value": "1", "probability": "1"}])],
            PAIRWISE,
            id="texts",
        ),
        pytest.param(
            [choice({"1": 1.0}, probabilities=[{"value": ["1"], "probability": 1.0}])],
            PAIRWISE,
            id="a list for a value",
        ),
        pytest.param([choice({"none": 0.9, "2": 0.1}, name="label")], CHOICE, id="no option"),
        pytest.param([score({"5": 1.0}, name="honesty")], ASPECTS, id="aspects are missing"),
    ],
)
def test_answers_that_do_not_fit_the_questions_are_not_read(answers, rubric):
    assert read_decision(answers, rubric, key=KEY) is None


def test_one_declined_question_is_a_refusal():
    assert is_refused([score({"5": 1.0}), {"type": "refusal", "name": None}])
    assert not is_refused([score({"5": 1.0})])


def test_a_scale_with_more_levels_than_the_endpoint_takes_is_an_input_error():
    long = Rubric(**SCORE.model_dump() | {"scale": (0, 10), "labels": {}})
    with pytest.raises(InputError, match=r"'helpful' has 11 scores from 0 to 10.*2 to 10"):
        check_decidable(long)
    for name in rubric_names():
        check_decidable(load_rubric(name))
