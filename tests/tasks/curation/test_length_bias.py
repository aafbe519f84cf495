"""How much longer chosen answers are, and how sure that is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tasks.curation.length_bias import LengthBias, length_bias


def test_an_example_worked_by_hand():
    """Differences 2, 4 | 9 | 1 in clusters a, b, c: mean 4.

    Residuals sum to -2, 5 and -3 by cluster; over 4 pairs and squared (4 + 25 + 9) / 16 = 2.375,
    times 3 / 2 = 3.5625, so stderr is 1.8875; t with 2 degrees of freedom is 4.30265.
    """
    bias = length_bias([12, 14, 19, 11], [10, 10, 10, 10], ["a", "a", "b", "c"])
    assert bias.num_pairs == 4
    assert bias.mean_chosen_tokens == 14
    assert bias.mean_rejected_tokens == 10
    assert bias.difference_tokens == 4
    assert bias.ratio == 1.4
    assert bias.share_chosen_longer == 1
    assert bias.low == pytest.approx(4 - 4.30265 * 1.8875, abs=1e-3)
    assert bias.high == pytest.approx(4 + 4.30265 * 1.8875, abs=1e-3)
    assert not bias.flagged


def test_with_one_pair_a_cluster_it_is_the_paired_t_interval():
    draw = np.random.default_rng(0)
    chosen, rejected = draw.poisson(50, 40), draw.poisson(40, 40)
    bias = length_bias(chosen, rejected, [str(number) for number in range(40)])
    theirs = stats.ttest_rel(chosen, rejected).confidence_interval()
    assert (bias.low, bias.high) == pytest.approx((theirs.low, theirs.high))


LENGTHS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 500), st.sampled_from("abcd")),
    min_size=1,
    max_size=30,
)


@given(LENGTHS)
def test_swapping_chosen_and_rejected_turns_the_sign(pairs):
    chosen, rejected, clusters = zip(*pairs, strict=True)
    ours, swapped = (
        length_bias(chosen, rejected, clusters),
        length_bias(rejected, chosen, clusters),
    )
    assert swapped.difference_tokens == pytest.approx(-ours.difference_tokens)
    assert (swapped.low, swapped.high) == pytest.approx((-ours.high, -ours.low))


@given(LENGTHS, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(pairs, draw):
    shuffled = draw.sample(pairs, len(pairs))
    ours, theirs = (length_bias(*zip(*rows, strict=True)) for rows in (pairs, shuffled))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_pairs_said_twice_in_their_cluster_do_not_narrow_the_interval():
    chosen, rejected = [12, 30, 7, 25], [10, 20, 9, 22]
    once = length_bias(chosen, rejected, list("abcd"))
    twice = length_bias(chosen * 2, rejected * 2, list("abcd") * 2)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize("num_clusters", [6, 40])
def test_the_interval_covers_the_truth_in_95_of_100_samples(num_clusters):
    """2,000 samples: three standard errors of a share of 0.95 are 0.0146."""
    draw = np.random.default_rng(1)
    clusters = [str(number) for number in range(num_clusters) for _ in range(3)]
    covered = 0
    for _ in range(2_000):
        shared = np.repeat(draw.normal(5, 20, num_clusters), 3)
        rejected = draw.normal(100, 10, len(clusters))
        bias = length_bias(rejected + shared + draw.normal(0, 5, len(clusters)), rejected, clusters)
        covered += bias.low <= 5 <= bias.high
    assert covered / 2_000 == pytest.approx(0.95, abs=0.0146)


def test_of_one_cluster_the_interval_is_infinite():
    bias = length_bias([20, 22], [10, 10], ["a", "a"])
    assert (bias.low, bias.high) == (float("-inf"), float("inf"))
    assert not bias.flagged


@pytest.mark.parametrize(
    ("low", "high", "ratio", "flagged"),
    [
        pytest.param(1, 2, 1.2, True, id="longer"),
        pytest.param(-2, -1, 0.8, True, id="shorter"),
        pytest.param(1, 2, 1.05, False, id="sure but small"),
        pytest.param(-1, 2, 1.2, False, id="large but unsure"),
        pytest.param(-2, -1, 1 / 1.05, False, id="shorter by little"),
        pytest.param(1, 2, float("inf"), True, id="rejected answers are empty"),
        pytest.param(0, 0, float("nan"), False, id="all answers are empty"),
    ],
)
def test_a_bias_is_told_if_it_is_sure_and_large(low, high, ratio, flagged):
    bias = LengthBias(
        num_pairs=9,
        mean_chosen_tokens=1,
        mean_rejected_tokens=1,
        difference_tokens=(low + high) / 2,
        low=low,
        high=high,
        share_chosen_longer=0.5,
        ratio=ratio,
    )
    assert bias.flagged is flagged


def test_empty_answers_have_no_ratio():
    assert length_bias([1, 2], [0, 0], ["a", "b"]).ratio == float("inf")
    assert np.isnan(length_bias([0, 0], [0, 0], ["a", "b"]).ratio)


@pytest.mark.parametrize(
    ("chosen", "rejected", "clusters"),
    [
        pytest.param([], [], [], id="no pairs"),
        pytest.param([1, 2], [1], ["a", "b"], id="a length is missing"),
        pytest.param([1], [1], ["a", "b"], id="a cluster too much"),
    ],
)
def test_lengths_that_form_no_pairs_are_refused(chosen, rejected, clusters):
    with pytest.raises(ValueError, match="cannot be compared"):
        length_bias(chosen, rejected, clusters)
