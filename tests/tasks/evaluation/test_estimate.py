"""Means, shares and differences with intervals clustered by prompt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tasks.evaluation.estimate import (
    estimate_bounded,
    estimate_difference,
    estimate_mean,
    sums_by_prompt,
    t_quantile,
)


def test_a_mean_worked_by_hand():
    """Prompt means 2, 4 and 6: mean 4, standard deviation 2, stderr 2 / sqrt 3, t(2) = 4.30265."""
    estimate = estimate_mean(list("aabcc"), [1, 3, 4, 5, 7])
    assert estimate.value == 4
    assert estimate.stderr == pytest.approx(2 / 3**0.5)
    assert estimate.low == pytest.approx(4 - 4.302653 * 2 / 3**0.5, abs=1e-5)
    assert estimate.high == pytest.approx(4 + 4.302653 * 2 / 3**0.5, abs=1e-5)
    assert (estimate.num_prompts, estimate.num_samples) == (3, 5)


@pytest.mark.parametrize("degrees", [1, 2, 3, 7, 30, 255, 999, 1000, 12345])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_quantiles_of_t_are_those_of_scipy(degrees, confidence):
    expected = stats.t.ppf((1 + confidence) / 2, degrees)
    assert t_quantile(degrees, confidence) == pytest.approx(expected, rel=1e-6)


def test_with_one_value_a_prompt_the_interval_is_the_t_interval_of_scipy():
    values = np.random.default_rng(0).normal(3, 2, size=40)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    estimate = estimate_mean([f"p{i:02d}" for i in range(40)], list(values))
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), rel=1e-6)
    assert estimate.stderr == pytest.approx(stats.sem(values))


def test_a_paired_difference_is_the_paired_t_interval_of_scipy():
    rng = np.random.default_rng(1)
    mine, theirs = rng.normal(1, 1, size=(2, 30))
    ids = [f"p{i:02d}" for i in range(30)]
    expected = stats.ttest_rel(mine, theirs).confidence_interval(0.95)
    estimate = estimate_difference(
        sums_by_prompt(ids, list(mine)), sums_by_prompt(ids, list(theirs))
    )
    assert estimate.value == pytest.approx(np.mean(mine - theirs))
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), rel=1e-6)


def test_a_difference_counts_only_prompts_that_both_answered():
    mine = sums_by_prompt(["a", "b", "b", "c"], [1, 2, 4, 100])
    theirs = sums_by_prompt(["b", "a", "d"], [1, 1, 100])
    estimate = estimate_difference(mine, theirs)
    assert estimate.value == 1  # (1 - 1 + 3 - 1) / 2
    assert (estimate.num_prompts, estimate.num_samples) == (2, 3)
    assert estimate_difference(mine, sums_by_prompt(["x"], [1.0])) is None


def test_copies_of_an_answer_do_not_shrink_the_interval():
    """Ten copies of each answer are still as many prompts."""
    ids, values = list("abcdefgh"), [0, 1, 1, 0, 1, 1, 1, 0]
    once, tenfold = estimate_mean(ids, values), estimate_mean(ids * 10, values * 10)
    assert (once.low, once.high) == pytest.approx((tenfold.low, tenfold.high))
    assert tenfold.num_samples == 80


def test_one_prompt_gives_no_interval():
    estimate = estimate_mean(["a", "a"], [1, 2])
    assert (estimate.low, estimate.high, estimate.stderr) == (-np.inf, np.inf, np.inf)
    assert estimate_bounded(["a"], [1]).stderr == np.inf


def test_no_values_or_ids_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="0 values"):
        estimate_mean([], [])
    with pytest.raises(ValueError, match="2 values of 1 prompts"):
        estimate_mean(["a"], [1, 2])
    with pytest.raises(ValueError, match="not within 0 to 1"):
        estimate_bounded(["a", "b"], [0, 2])


def test_a_share_of_nothing_but_zeros_still_has_an_upper_bound():
    """Wilson with t(9) = 2.262157 and n = 10: t^2 / n = 0.511735, high = 0.511735 / 1.511735."""
    estimate = estimate_bounded(list("abcdefghij"), [0] * 10)
    assert (estimate.value, estimate.low) == (0, 0)
    assert estimate.high == pytest.approx(0.511735 / 1.511735, abs=1e-5)


def test_with_one_answer_a_prompt_a_share_has_the_wilson_interval_of_scipy():
    values = [1] * 700 + [0] * 1300
    expected = stats.binomtest(700, 2000).proportion_ci(0.95, method="wilson")
    estimate = estimate_bounded([f"p{i:04d}" for i in range(2000)], values)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-4)


def simulated(num_prompts, a, b, num_runs, seed):
    """Yield prompt ids and 0/1 answers, five a prompt, whose chances differ between prompts."""
    rng = np.random.default_rng(seed)
    ids = [f"{index:04d}" for index in range(num_prompts) for _ in range(5)]
    for _ in range(num_runs):
        chances = rng.beta(a, b, size=num_prompts)
        yield ids, (rng.random((num_prompts, 5)) < chances[:, None]).astype(float).ravel()


@pytest.mark.parametrize(
    ("num_prompts", "a", "b"),
    [
        pytest.param(50, 1, 1, id="50 prompts of any chance"),
        pytest.param(100, 0.5, 0.5, id="100 prompts that are nearly always alike"),
        pytest.param(200, 2, 8, id="200 prompts around one fifth"),
    ],
)
@pytest.mark.parametrize("estimate", [estimate_mean, estimate_bounded])
def test_intervals_cover_the_truth_in_93_to_97_of_100_simulations(estimate, num_prompts, a, b):
    covered = 0
    for ids, values in simulated(num_prompts, a, b, num_runs=1500, seed=7):
        interval = estimate(ids, list(values))
        covered += interval.low <= a / (a + b) <= interval.high
    assert 0.93 <= covered / 1500 <= 0.97


def test_the_interval_of_values_near_one_covers_the_truth_and_stays_below_one():
    """Values such as distinct-2: never above 1, most of them at 1."""
    rng = np.random.default_rng(10)
    ids = [f"{index:04d}" for index in range(100)]
    truth = np.minimum(1, 1.02 - rng.exponential(0.05, size=1_000_000)).mean()
    covered = 0
    for _ in range(1000):
        values = np.minimum(1, 1.02 - rng.exponential(0.05, size=100))
        interval = estimate_bounded(ids, list(values))
        covered += interval.low <= truth <= interval.high
        assert interval.high <= 1
    assert 0.92 <= covered / 1000 <= 0.98


def test_intervals_that_forget_the_prompts_cover_too_little():
    """Why clustering matters: the textbook interval over 500 answers misses far too often."""
    covered = 0
    for _, values in simulated(100, 1, 1, num_runs=1500, seed=8):
        half = 1.96 * values.std(ddof=1) / len(values) ** 0.5
        covered += abs(values.mean() - 0.5) <= half
    assert covered / 1500 < 0.85


def test_paired_differences_cover_the_truth_although_both_policies_share_the_prompts():
    rng = np.random.default_rng(9)
    ids = [f"{index:04d}" for index in range(60) for _ in range(5)]
    covered = 0
    for _ in range(1500):
        ease = rng.normal(0, 1, size=60)
        mine, theirs = (
            (ease[:, None] + shift + rng.normal(0, 1, size=(60, 5))).ravel() for shift in (0.3, 0.0)
        )
        interval = estimate_difference(
            sums_by_prompt(ids, list(mine)), sums_by_prompt(ids, list(theirs))
        )
        covered += interval.low <= 0.3 <= interval.high
    assert 0.93 <= covered / 1500 <= 0.97


rows = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.floats(-100, 100)), min_size=2, max_size=30
).filter(lambda pairs: len({name for name, _ in pairs}) > 1)


@given(rows, st.randoms())
def test_the_order_of_the_answers_does_not_matter(pairs, random):
    shuffled = random.sample(pairs, k=len(pairs))
    one, other = (estimate_mean(*map(list, zip(*p, strict=True))) for p in (pairs, shuffled))
    assert one.value == pytest.approx(other.value, abs=1e-9)
    assert one.stderr == pytest.approx(other.stderr, abs=1e-9)


@given(rows, rows)
def test_swapping_the_policies_mirrors_the_difference(mine, theirs):
    a, b = (sums_by_prompt(*map(list, zip(*p, strict=True))) for p in (mine, theirs))
    forward, backward = estimate_difference(a, b), estimate_difference(b, a)
    if forward is not None:
        assert forward.value == pytest.approx(-backward.value)
        assert (forward.low, forward.high) == pytest.approx((-backward.high, -backward.low))


@given(rows, st.floats(-50, 50))
def test_a_shift_of_all_values_shifts_the_estimate_and_not_its_error(pairs, shift):
    ids, values = map(list, zip(*pairs, strict=True))
    before, after = estimate_mean(ids, values), estimate_mean(ids, [v + shift for v in values])
    assert after.value == pytest.approx(before.value + shift, abs=1e-6)
    assert after.stderr == pytest.approx(before.stderr, abs=1e-6)
