"""Perplexity: a ratio of sums, its interval, and which policies can be compared."""

import numpy as np
import pytest

from tasks.evaluation.estimate_perplexity import (
    estimate_perplexity,
    estimate_perplexity_difference,
    prompt_nats,
)


def test_perplexity_worked_by_hand():
    """Nats 1 and 6 over tokens 1 and 2: rate 7/3, influences -4/9 and 4/9, variance 2 * 2 * 16/81."""
    estimate = estimate_perplexity(prompt_nats(["a", "b"], [1.0, 6.0], [1.0, 2.0]))
    assert estimate.value == pytest.approx(np.exp(7 / 3))
    assert estimate.stderr == pytest.approx(np.exp(7 / 3) * 8 / 9)
    assert estimate.high == pytest.approx(np.exp(7 / 3 + 12.706205 * 8 / 9), rel=1e-5)
    assert estimate.low == pytest.approx(np.exp(7 / 3 - 12.706205 * 8 / 9), rel=1e-5)


def test_long_texts_count_by_their_tokens():
    """One token at 10 nats and 99 at 1 are 1.09 nats a token; a mean over texts would say 5.5."""
    estimate = estimate_perplexity(prompt_nats(["a", "b"], [10.0, 99.0], [1.0, 99.0]))
    assert estimate.value == pytest.approx(np.exp(1.09))


def test_two_demonstrations_of_a_prompt_are_one_cluster():
    estimate = estimate_perplexity(prompt_nats(["a", "a", "b"], [1.0, 2.0, 3.0], [1.0, 1.0, 1.0]))
    assert (estimate.num_prompts, estimate.num_samples) == (2, 3)
    assert estimate.value == pytest.approx(np.exp(2))


def test_the_interval_covers_the_truth_in_93_to_97_of_100_simulations():
    rng = np.random.default_rng(3)
    ids = [f"{index:04d}" for index in range(100)]
    covered = 0
    for _ in range(1000):
        tokens = rng.integers(5, 60, size=100).astype(float)
        nats = tokens * (2 + rng.normal(0, 0.5, size=100))
        interval = estimate_perplexity(prompt_nats(ids, list(nats), list(tokens)))
        covered += interval.low <= np.exp(2) <= interval.high
    assert 0.93 <= covered / 1000 <= 0.97


def test_a_difference_covers_the_truth_and_is_narrower_than_two_intervals():
    rng = np.random.default_rng(4)
    ids = [f"{index:04d}" for index in range(100)]
    covered = 0
    for _ in range(1000):
        tokens = rng.integers(5, 60, size=100).astype(float)
        ease = rng.normal(0, 0.5, size=100)
        rows = [
            prompt_nats(ids, list(tokens * (rate + ease + rng.normal(0, 0.05, 100))), list(tokens))
            for rate in (2.1, 2.0)
        ]
        interval = estimate_perplexity_difference(*rows)
        covered += interval.low <= np.exp(2.1) - np.exp(2) <= interval.high
        assert interval.stderr < estimate_perplexity(rows[0]).stderr
    assert 0.93 <= covered / 1000 <= 0.97


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(prompt_nats(["a", "c"], [1.0, 2.0], [1.0, 2.0]), id="other prompts"),
        pytest.param(prompt_nats(["a", "b"], [1.0, 2.0], [1.0, 3.0]), id="another tokenizer"),
    ],
)
def test_perplexities_over_different_tokens_are_not_compared(other):
    mine = prompt_nats(["a", "b"], [1.0, 2.0], [1.0, 2.0])
    assert estimate_perplexity_difference(mine, other) is None


def test_a_policy_does_not_differ_from_itself():
    mine = prompt_nats(["a", "b"], [1.0, 5.0], [1.0, 2.0])
    difference = estimate_perplexity_difference(mine, mine)
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)
