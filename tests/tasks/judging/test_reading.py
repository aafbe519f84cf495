"""A reply under a rubric: what it says, what it would say on average, and what is cut."""

import math

import pytest

from tasks.judging.choice_labels import ChoiceKey
from tasks.judging.load_rubric import load_rubric
from tasks.judging.reading import PARSER_AND_LOGPROBS, Reading, read_choice
from tasks.judging.rubric import Rubric
from tasks.judging.verdict_parser import PARSER
from tasks.sampling.api.reply import Choice, TokenLogprob

PAIRWISE, SCORE = load_rubric("pairwise-overall"), load_rubric("helpful")
ASPECTS, CHOICE = load_rubric("four-aspect"), load_rubric("risk-choice")
STRICT = Rubric(**PAIRWISE.model_dump() | {"tie": False})
KEY = ChoiceKey(
    chosen=frozenset({"2"}), rejected=frozenset({"1"}), options=frozenset({"1", "2", "3"})
)
FOUR = '{"instruction_following": 5, "truthfulness": 4, "honesty": 4, "helpfulness": 2}'


def said(text, rubric, **kwargs):
    return read_choice(Choice(text=text, finish_reason="stop"), rubric, **kwargs)


def drawn(*parts):
    """Return a reply of tokens; a dict is a token with the probabilities there, drawn one first."""
    tokens = []
    for part in parts:
        shares = part if isinstance(part, dict) else {part: 1.0}
        top = tuple((spelled, math.log(share)) for spelled, share in shares.items())
        tokens.append(TokenLogprob(*top[0], top))
    text = "".join(token.token for token in tokens)
    return Choice(text=text, finish_reason="stop", tokens=tuple(tokens))


@pytest.mark.parametrize(
    ("text", "rubric", "reading"),
    [
        pytest.param(
            '{"reason": "x", "verdict": "2"}', PAIRWISE, Reading(said="2", shown="2"), id="pairwise"
        ),
        pytest.param("I see.\nVERDICT: tie", PAIRWISE, Reading(said="tie", shown="tie"), id="tie"),
        pytest.param('{"score": 7}', SCORE, Reading(said="7", score=7.0), id="score"),
        pytest.param(
            f'{{"scores": {FOUR}}}', ASPECTS, Reading(said="3.75", score=3.75), id="mean of aspects"
        ),
        pytest.param(f"SCORES: {FOUR}", ASPECTS, Reading(said="3.75", score=3.75), id="line"),
        pytest.param('{"label": "(2)"}', CHOICE, Reading(said="2", score=1.0), id="risk-averse"),
        pytest.param("LABEL: 3", CHOICE, Reading(said="3", score=0.0), id="another option"),
    ],
)
def test_a_reply_is_read_as_its_rubric_says(text, rubric, reading):
    assert said(text, rubric, key=KEY) == reading
    assert reading.parser == PARSER


@pytest.mark.parametrize(
    ("text", "rubric"),
    [
        pytest.param("Answer 1 is better.", PAIRWISE, id="prose"),
        pytest.param('{"verdict": "tie"}', STRICT, id="a tie that is not allowed"),
        pytest.param('{"score": 11}', SCORE, id="off the scale"),
        pytest.param('{"verdict": "1"}', SCORE, id="the form of another rubric"),
        pytest.param(FOUR.replace("honesty", "honor"), ASPECTS, id="an aspect is missing"),
        pytest.param('{"label": "4"}', CHOICE, id="no such option"),
        pytest.param('{"label": "none"}', CHOICE, id="no option"),
        pytest.param("", PAIRWISE, id="empty"),
    ],
)
def test_what_is_not_in_the_form_of_the_rubric_is_not_read(text, rubric):
    assert said(text, rubric, key=KEY) is None


@pytest.mark.parametrize(
    ("text", "rubric", "is_read"),
    [
        pytest.param("So.\nSCORE: 1", SCORE, False, id="1 may have become 10"),
        pytest.param("So.\nSCORE: 7 ", SCORE, True, id="the word has ended"),
        pytest.param("So.\nVERDICT: 1", PAIRWISE, False, id="the last word of a line"),
        pytest.param("LABEL: 1", CHOICE, False, id="1 may have become 12"),
        pytest.param(
            "VERDICT: 1\nbecause answer 2 is", PAIRWISE, True, id="the verdict came first"
        ),
        pytest.param('{"reason": "x", "score": 7}', SCORE, True, id="a closed object"),
        pytest.param('{"reason": "x", "score": 7', SCORE, False, id="an open object"),
        pytest.param(f"SCORES: {FOUR}", ASPECTS, True, id="closed scores"),
    ],
)
def test_the_last_word_of_a_reply_that_was_cut_is_not_believed(text, rubric, is_read):
    assert (said(text, rubric, key=KEY, cut=True) is not None) is is_read


def test_the_likeliest_verdict_replaces_the_drawn_one():
    choice = drawn('{"verdict": "', {"2": 0.3, "1": 0.6, "tie": 0.1}, '"}')
    reading = read_choice(choice, PAIRWISE)
    assert (reading.said, reading.shown, reading.parser) == ("2", "1", PARSER_AND_LOGPROBS)
    assert reading.probability == pytest.approx(0.65)  # 0.6 + 0.1 / 2


def test_a_tie_that_the_rubric_forbids_takes_no_part():
    choice = drawn('{"verdict": "', {"2": 0.3, "1": 0.5, "tie": 0.2}, '"}')
    assert read_choice(choice, STRICT).probability == pytest.approx(0.625)  # 0.5 / 0.8


def test_the_expected_score_replaces_the_drawn_one():
    reading = read_choice(drawn('{"score": ', {"8": 0.5, "6": 0.25, "10": 0.25}, "}"), SCORE)
    assert (reading.said, reading.score) == ("8", pytest.approx(8.0))  # 4 + 1.5 + 2.5


def test_the_expected_score_of_aspects_is_the_mean_of_their_expected_scores():
    choice = drawn(
        '{"scores": {"instruction_following": ',
        {"5": 0.5, "4": 0.5},
        ', "truthfulness": ',
        {"4": 0.5, "2": 0.5},
        ', "honesty": ',
        "4",
        ', "helpfulness": ',
        {"2": 0.75, "4": 0.25},
        "}}",
    )
    assert read_choice(choice, ASPECTS).score == pytest.approx((4.5 + 3 + 4 + 2.5) / 4)


def test_the_expected_score_of_a_choice_is_the_share_of_the_risk_averse_option():
    choice = drawn('{"label": "', {"2": 0.6, "3": 0.1, "1": 0.1, "none": 0.2}, '"}')
    reading = read_choice(choice, CHOICE, key=KEY)
    assert reading.score == reading.probability == pytest.approx(0.75)  # 0.6 / 0.8


def test_where_probabilities_cannot_be_told_the_drawn_verdict_holds():
    choice = drawn('{"score": ', {"1": 0.9, "2": 0.1}, "}")  # 1 may begin 10
    assert read_choice(choice, SCORE) == Reading(said="1", score=1.0)


def test_probabilities_do_not_make_a_verdict_of_what_cannot_be_read():
    assert read_choice(drawn("I take ", {"1": 0.9, "2": 0.1}), PAIRWISE) is None
