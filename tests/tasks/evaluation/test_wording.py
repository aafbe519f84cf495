"""Figures as text."""

import pytest

from storage.tables.estimates import Estimate
from tasks.evaluation.wording import figure, figures, interval, is_clear, listed, sample_size


def estimate(metric, value, low, high, baseline=None, num_samples=24):
    return Estimate(
        policy_id="dpo",
        baseline_id=baseline,
        metric=metric,
        value=value,
        low=low,
        high=high,
        stderr=0.1,
        num_prompts=24,
        num_samples=num_samples,
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.71234, "share", "71.2 %"),
        (0.71234, "probability", "0.712"),
        (8.251, "nats", "8.25"),
        (12345.0, "tokens", "12,345"),
        (34.83, "number", "34.8"),
        (993.2, "number", "993"),
        (0.0, "number", "0.00"),
        (float("inf"), "number", "unknown"),
    ],
)
def test_each_unit_is_written_in_one_way(value, unit, text):
    assert figure(value, unit) == text


def test_a_difference_has_a_sign_and_shares_differ_by_points():
    row = estimate("lexical/positive", 0.125, 0.057, 0.193, baseline="sft")
    assert (figures(row), interval(row)) == ("+12.5 points", "+5.7 to +19.3")
    row = estimate("perplexity", -3.2, -7.0, 0.6, baseline="sft")
    assert (figures(row), interval(row)) == ("-3.20", "-7.00 to +0.600")


def test_zero_has_no_sign():
    row = estimate("length", 0.0, -0.04, 0.04, baseline="sft")
    assert (figures(row), interval(row)) == ("0.0 tokens", "0.0 to 0.0")


def test_an_infinite_interval_is_said_in_words():
    row = estimate("kl", 3.0, float("-inf"), float("inf"))
    assert interval(row) == "one prompt, no interval"


def test_a_gain_is_clear_if_its_interval_excludes_zero():
    assert is_clear(estimate("kl", 1, 0.1, 2))
    assert is_clear(estimate("kl", -1, -2, -0.1))
    assert not is_clear(estimate("kl", 1, 0, 2))


def test_n_counts_prompts_and_values_where_they_differ():
    assert sample_size(estimate("kl", 1, 0, 2)) == "24 prompts"
    assert sample_size(estimate("kl", 1, 0, 2, num_samples=48)) == "24 prompts, 48 values"


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_lists_read_as_sentences(names, text):
    assert listed(names) == text
