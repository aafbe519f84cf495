"""Options, prizes and probabilities that stand in the text of a prompt."""

import pytest

from tasks.ingest.risk_prompt import (
    VERBAL_PERCENTS,
    labels_in_style,
    lotteries_in,
    option_lines,
)
from tasks.ingest.risk_utility import Lottery


def labels_in(text):
    return tuple(line.label for line in option_lines(text))


def read(*options):
    lines = "\n".join(f"({index}) {option}" for index, option in enumerate(options, start=1))
    return lotteries_in(option_lines(f"Which?\n\n{lines}\n\nPick."))


@pytest.mark.parametrize("style", ["{}", "{}.", "({})", "({})."])
@pytest.mark.parametrize("labels", [("1", "2", "3"), ("a", "b", "c"), ("A", "B", "C")])
def test_options_are_found_in_every_style_of_the_data(style, labels):
    lines = "\n".join(f"{style.format(label)} $5" for label in labels)
    assert labels_in(f"A scenario.\n\n{lines}\n\nIf you were in it?") == labels


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("A scenario.\nI choose.", id="words of one letter"),
        pytest.param("b first\na second", id="does not count up"),
        pytest.param("a only one", id="one option"),
        pytest.param("", id="empty"),
    ],
)
def test_lines_that_do_not_count_up_are_no_options(text):
    assert labels_in(text) == ()


@pytest.mark.parametrize(
    "outcome",
    [
        "0.31 chance of -$5, 0.69 chance of $1,100.50",
        "31% chance of -$5, 69% chance of $1,100.50",
        "31% probability of -$5, 69% probability of $1,100.50",
        "probability 0.31 of -$5, probability 0.69 of $1,100.50",
    ],
)
def test_numbers_are_read_in_every_wording_of_the_data(outcome):
    (first, second) = read(outcome, outcome)
    assert first == second
    assert first.prizes == (-5.0, 1100.5)
    assert first.percents == pytest.approx((31, 69))


def test_verbal_probabilities_are_read():
    """Line 1 of the first real situation, and a sure prize."""
    text = "Just more than a half-chance of $67, Less than a half-chance of $19, "
    assert read(f"{text}Almost certainly won\u2019t give -$92", "Certainly will give $7") == (
        Lottery((67.0, 19.0, -92.0), (55.0, 40.0, 5.0)),
        Lottery((7.0,), (100.0,)),
    )


def test_verbal_probabilities_are_every_step_of_five_percent():
    assert sorted(VERBAL_PERCENTS.values()) == list(range(5, 101, 5))


@pytest.mark.parametrize(
    "option",
    [
        pytest.param("$5", id="no probability"),
        pytest.param("0.5 chance of $20", id="the rest is not said"),
        pytest.param("Quite likely to give $20, Unlikely to give $1", id="unknown words"),
        pytest.param("0.5 chance of $20, 0.5 chance of a car", id="no amount"),
        pytest.param("0.5 chance of $,, 0.5 chance of $1", id="no digits"),
        pytest.param("", id="empty"),
    ],
)
def test_an_option_that_cannot_be_read_leaves_none_of_them(option):
    assert read("100% chance of $5", option) == ()


def test_labels_are_those_of_the_alphabet():
    assert labels_in_style("b", 3) == ("a", "b", "c")
    assert labels_in_style("2", 2) == ("1", "2")
    assert labels_in_style("?", 2) == ()
