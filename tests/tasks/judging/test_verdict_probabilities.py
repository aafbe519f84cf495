"""Probabilities of verdicts from log-probabilities of tokens, worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judging.verdict_probabilities import (
    Stated,
    expected_score,
    likeliest,
    preference,
    value_probabilities,
)
from tasks.sampling.api.reply import Choice, TokenLogprob

SCORES = [str(score) for score in range(1, 11)]
VERDICT = ["1", "2", "tie"]


def token(text, /, **top):
    """Return a token; `top` gives probabilities, names with _ in front of digits."""
    shares = {name.removeprefix("_"): share for name, share in top.items()} or {text: 1.0}
    return of_shares(text, shares)


def of_shares(text, shares):
    pairs = tuple((spelled, math.log(share)) for spelled, share in shares.items())
    return TokenLogprob(text, dict(pairs).get(text, math.log(1e-6)), pairs)


def choice_of(*tokens, text=None):
    parts = [part if isinstance(part, TokenLogprob) else token(part) for part in tokens]
    joined = "".join(part.token for part in parts) if text is None else text
    return Choice(text=joined, finish_reason="stop", tokens=tuple(parts))


def read(choice, value, *, key="verdict", strategy="json", allowed=VERDICT):
    return value_probabilities(choice, Stated(key, value, strategy), allowed)


def test_the_probabilities_are_those_at_the_token_of_the_verdict():
    choice = choice_of('{"', "verdict", '":"', token("1", _1=0.6, _2=0.3, tie=0.1), '"}')
    found = read(choice, "1")
    assert found == pytest.approx({"1": 0.6, "2": 0.3, "tie": 0.1})
    assert preference(found) == pytest.approx(0.65)  # 0.6 + 0.1 / 2


def test_what_is_no_allowed_value_is_left_out_and_the_rest_sums_to_one():
    shares = {"1": 0.5, "2": 0.3, "neither": 0.2}
    choice = choice_of('{"verdict": "', of_shares("1", shares), '"}')
    assert read(choice, "1") == pytest.approx({"1": 5 / 8, "2": 3 / 8, "tie": 0.0})


def test_spellings_of_one_value_are_added():
    shares = {" 1": 0.3, "1": 0.2, ' "1': 0.1, "2": 0.2, " Tie": 0.1, "TIE": 0.1}
    choice = choice_of("VERDICT:", of_shares(" 1", shares))
    found = read(choice, "1", strategy="line")
    assert found == pytest.approx({"1": 0.6, "2": 0.2, "tie": 0.2})


def test_the_beginning_of_one_value_alone_counts_as_that_value():
    choice = choice_of('{"verdict": "', of_shares("1", {"1": 0.5, "2": 0.2, "t": 0.3}), '"}')
    assert read(choice, "1") == pytest.approx({"1": 0.5, "2": 0.2, "tie": 0.3})


def test_the_drawn_token_counts_though_it_is_not_among_the_likeliest():
    drawn = TokenLogprob("2", math.log(0.1), (("1", math.log(0.9)),))
    choice = choice_of('{"verdict": "', drawn, '"}')
    assert read(choice, "2") == pytest.approx({"1": 0.9, "2": 0.1, "tie": 0.0})


def test_the_expected_score_is_the_mean_under_the_probabilities():
    shares = {"7": 0.5, "8": 0.25, "10": 0.25}
    found = read(
        choice_of('{"score": ', of_shares("7", shares), "}"), "7", key="score", allowed=SCORES
    )
    assert expected_score(found) == pytest.approx(8.0)  # 3.5 + 2 + 2.5


@pytest.mark.parametrize(
    ("tokens", "value", "strategy", "expected"),
    [
        pytest.param(
            ['{"reason": "verdict: 1", "verdict": "', {"2": 0.9, "1": 0.1}, '"}'],
            "2",
            "json",
            0.1,
            id="the reason speaks of another",
        ),
        pytest.param(
            [
                '{"reason": "a \\"verdict\\": \\"',
                {"1": 0.99, "2": 0.01},
                '\\"", "verdict": "',
                {"1": 0.7, "2": 0.3},
                '"}',
            ],
            "1",
            "json",
            0.7,
            id="quoted in the reason",
        ),
        pytest.param(
            ["VERDICT: ", {"1": 0.6, "2": 0.4}, " at first\nVERDICT: ", {"1": 0.8, "2": 0.2}],
            "1",
            "line",
            0.8,
            id="the last line",
        ),
        pytest.param(
            ["**Verdict:** [[", {"2": 0.75, "1": 0.25}, "]]\n"], "2", "line", 0.25, id="decorated"
        ),
    ],
)
def test_the_last_statement_of_the_verdict_is_the_one_that_is_read(
    tokens, value, strategy, expected
):
    parts = [
        part if isinstance(part, str) else of_shares(next(iter(part)), part) for part in tokens
    ]
    found = read(choice_of(*parts), value, strategy=strategy)
    assert found["1"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        pytest.param(["\\xc3", "\\xa9", '{"verdict":"', "1", '"}'], 'é{"verdict":"1"}', id="bytes"),
        pytest.param(['{"verdict":"', "1", '"}', "<|end|>"], '{"verdict":"1"}', id="end mark"),
    ],
)
def test_tokens_that_do_not_join_to_the_text_are_found_from_its_other_end(tokens, text):
    parts = [token("1", _1=0.8, _2=0.2) if part == "1" else part for part in tokens]
    assert read(choice_of(*parts, text=text), "1") == pytest.approx({"1": 0.8, "2": 0.2, "tie": 0})


@pytest.mark.parametrize(
    ("choice", "value", "allowed"),
    [
        pytest.param(Choice('{"verdict":"1"}', "stop"), "1", VERDICT, id="no log-probabilities"),
        pytest.param(Choice('{"verdict":"1"}', "stop", ()), "1", VERDICT, id="no tokens"),
        pytest.param(choice_of('{"verdict":"', "ti", "e", '"}'), "tie", VERDICT, id="two tokens"),
        pytest.param(choice_of("I say 1"), "1", VERDICT, id="not stated"),
        pytest.param(
            choice_of('{"verdict":"', of_shares("1", {"1": 0.4, "x": 0.6}), '"}'),
            "1",
            VERDICT,
            id="mostly something else",
        ),
        pytest.param(
            choice_of('{"verdict":"', of_shares("1", {"1": 0.4}), '"}'),
            "1",
            VERDICT,
            id="mostly unknown",
        ),
        pytest.param(
            choice_of("x", token("1"), "y", text='{"verdict":"1"}'), "1", VERDICT, id="other text"
        ),
        pytest.param(
            choice_of('{"verdict":"', TokenLogprob("1", math.nan, ()), '"}'),
            "1",
            VERDICT,
            id="not a number",
        ),
        pytest.param(
            choice_of('{"verdict":"', TokenLogprob("1", 0.7, ()), '"}'),
            "1",
            VERDICT,
            id="no log-probability",
        ),
        pytest.param(
            choice_of('{"verdict":"', of_shares("1", {"1": 0.9, "9": 0.1}), '"}'),
            "1",
            SCORES,
            id="1 may begin 10",
        ),
        pytest.param(
            choice_of('{"verdict":"', of_shares("9", {"9": 0.9, "1": 0.1}), '"}'),
            "9",
            SCORES,
            id="a likely 1 may begin 10",
        ),
        pytest.param(
            choice_of('{"verdict":"', "1", "0", '"}'), "10", SCORES, id="10 in two tokens"
        ),
        pytest.param(
            choice_of('{"verdict":"', of_shares("9", {"9": 0.9, "1": 0.1}), '"}'),
            "9",
            ["9", "10", "11"],
            id="the beginning of several",
        ),
    ],
)
def test_what_cannot_be_told_is_not_read(choice, value, allowed):
    assert read(choice, value, allowed=allowed) is None


@pytest.mark.parametrize(
    ("shares", "mean"),
    [
        pytest.param({"9": 0.8, "1": 0.1, "10": 0.1}, 8.3, id="10 is a token"),
        pytest.param({"9": 0.995, "1": 0.005}, 8.96, id="an unlikely 1"),
        pytest.param({"9": 1.0}, 9.0, id="certain"),
    ],
)
def test_scores_are_read_where_a_1_can_only_be_a_1_or_does_not_matter(shares, mean):
    choice = choice_of("SCORE: ", of_shares("9", shares))
    found = read(choice, "9", key="score", strategy="line", allowed=SCORES)
    assert expected_score(found) == pytest.approx(mean)


@given(st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3))
def test_swapping_what_is_shown_mirrors_the_preference(weights):
    one, two, tie = (weight / sum(weights) for weight in weights)
    straight = preference({"1": one, "2": two, "tie": tie})
    assert preference({"1": two, "2": one, "tie": tie}) == pytest.approx(1 - straight)


def test_among_equally_likely_values_the_drawn_one_holds():
    assert likeliest({"1": 0.4, "2": 0.4, "tie": 0.2}, "2") == "2"
    assert likeliest({"1": 0.4, "2": 0.4, "tie": 0.2}, "1") == "1"
    assert likeliest({"1": 0.3, "2": 0.5, "tie": 0.2}, "1") == "2"
