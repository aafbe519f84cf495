"""Agreement corrected for chance, and intervals that resample prompts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from tasks.evaluation.estimate import estimate_bounded, estimate_mean
from tasks.judging.kappa import (
    clustered_figure,
    cohen_kappa,
    krippendorff_alpha,
    pairable_counts,
    share,
)


def figure_of(counts, measure=share, seed=0):
    return clustered_figure(np.array(counts, dtype=float), measure, count=0, num=0, seed=seed)


def alpha_of(observers):
    """Return alpha of strings, one an observer, one letter a unit, a dot where nothing is said."""
    letters = sorted(set("".join(observers)) - {"."})
    units = zip(*observers, strict=True)
    values = np.array([[unit.count(letter) for letter in letters] for unit in units], dtype=float)
    return krippendorff_alpha(pairable_counts(values).sum(axis=0)).coefficient


def test_kappa_worked_by_hand():
    """20 + 15 of 50 agree; by chance (25 * 30 + 25 * 20) / 2500 = 0.5 would; (0.7 - 0.5) / 0.5."""
    assert cohen_kappa(np.array([20.0, 5.0, 10.0, 15.0])).coefficient == pytest.approx(0.4)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=40).filter(
        lambda labels: len({label for pair in labels for label in pair}) > 1
    )
)
def test_kappa_is_that_of_scikit_learn(labels):
    table = np.zeros((3, 3))
    for one, other in labels:
        table[one, other] += 1
    expected = cohen_kappa_score(*zip(*labels, strict=True), labels=[0, 1, 2])
    assert cohen_kappa(table.ravel()).coefficient == pytest.approx(expected)


@pytest.mark.parametrize(
    ("observers", "expected"),
    [
        pytest.param(
            ["123321412...", "1233224125.3", ".3332342251.", "12332441251."],
            0.743,
            id="four observers, twelve units, values missing",
        ),
        pytest.param(["0100000010", "1110010000"], 0.095, id="two observers, two categories"),
        pytest.param(["aabbdcccedda", "babbbccceddd"], 0.692, id="two observers, five categories"),
    ],
)
def test_alpha_is_that_of_krippendorffs_worked_examples(observers, expected):
    """Computing Krippendorff's Alpha-Reliability (2011), sections A to C."""
    assert alpha_of(observers) == pytest.approx(expected, abs=5e-4)


def test_alpha_worked_by_hand():
    """Units aa, ab, bb: of six values four match; chance (3 * 2 + 3 * 2) / (6 * 5) = 2 / 5.

    (2 / 3 - 2 / 5) / (1 - 2 / 5) = 4 / 9; the fourth unit has one value, and so no pair.
    """
    assert alpha_of(["aab.", "abba"]) == pytest.approx(4 / 9)


def test_where_all_say_the_same_word_agreement_means_nothing():
    counts = [[3, 0, 0, 0], [5, 0, 0, 0]]
    figure = figure_of(counts, cohen_kappa)
    assert (figure.value, figure.low, figure.high) == (None, None, None)


def test_nothing_counted_is_no_figure():
    figure = figure_of([[0, 0], [0, 0]])
    assert (figure.value, figure.low, figure.high, figure.num_prompts) == (None, None, None, 0)


def test_prompts_that_count_nothing_are_no_part_of_a_figure():
    counts = [[1, 2], [2, 2], [0, 1], [1, 1]]
    assert figure_of([*counts, [0, 0], [0, 0]]) == figure_of(counts)


def test_the_order_of_prompts_does_not_matter():
    random = np.random.default_rng(0)
    hits = random.integers(0, 4, size=60)
    counts = np.column_stack([hits, np.full(60, 3)])
    assert figure_of(counts) == figure_of(random.permutation(counts))


def test_a_share_of_zero_has_the_upper_bound_of_wilson():
    """t(9) = 2.262157 and 10 prompts: t^2 / n = 0.511735, high = 0.511735 / 1.511735."""
    figure = figure_of([[0, 3]] * 10)
    assert (figure.value, figure.low) == (0, 0)
    assert figure.high == pytest.approx(0.511735 / 1.511735, abs=1e-6)
    other = estimate_bounded(list("abcdefghij"), [0] * 10)
    assert figure.high == pytest.approx(other.high, abs=1e-6)


def test_a_share_that_is_one_half_in_every_prompt_is_not_known_exactly():
    figure = figure_of([[1, 2]] * 30)
    expected = stats.t.ppf(0.975, 29) ** 2 / 30
    assert figure.value == 0.5
    assert figure.high - figure.low == pytest.approx((expected / (1 + expected)) ** 0.5)


def test_perfect_agreement_is_not_known_exactly():
    """Chance 1 / 2: kappa's lower end is (Wilson's - 1 / 2) / (1 / 2), with 20 prompts."""
    figure = figure_of([[1, 0, 0, 1]] * 20, cohen_kappa)
    squared = stats.t.ppf(0.975, 19) ** 2 / 20
    assert (figure.value, figure.high) == (1, 1)
    assert figure.low == pytest.approx(2 / (1 + squared) - 1)


@pytest.mark.parametrize(
    ("counts", "measure", "ends"),
    [
        pytest.param([[3, 7]], share, (0, 1), id="share"),
        pytest.param([[4, 1, 1, 4]], cohen_kappa, (-1, 1), id="kappa"),
        pytest.param([[9, 0, 0, 1]], cohen_kappa, (-1, 1), id="kappa, chance agreement high"),
    ],
)
def test_one_prompt_tells_nothing_about_the_spread(counts, measure, ends):
    figure = figure_of(counts, measure)
    assert (figure.low, figure.high) == pytest.approx(ends)


def test_the_interval_of_many_prompts_is_near_the_t_interval():
    random = np.random.default_rng(3)
    hits = random.binomial(4, random.beta(2, 3, size=500))
    figure = figure_of(np.column_stack([hits, np.full(500, 4)]))
    ids = [f"{index:03d}" for index in range(500)]
    other = estimate_mean(ids, list(hits / 4))
    assert figure.value == pytest.approx(other.value)
    assert (figure.low, figure.high) == pytest.approx((other.low, other.high), abs=0.003)


def test_copies_of_a_comparison_do_not_shrink_the_interval():
    once = [[1, 1], [0, 1], [1, 1], [1, 1], [0, 1], [1, 1], [0, 1], [1, 1]]
    tenfold = [[10 * hits, 10 * cases] for hits, cases in once]
    assert figure_of(once) == figure_of(tenfold)


@pytest.mark.parametrize("num_prompts", [12, 40, 150])
def test_a_share_is_covered_in_93_to_98_of_100_simulations(num_prompts):
    """Five verdicts a prompt, whose chances differ between prompts: uniform from 0 to 1."""
    random, covered = np.random.default_rng(5), 0
    for _ in range(600):
        hits = random.binomial(5, random.random(num_prompts))
        figure = figure_of(np.column_stack([hits, np.full(num_prompts, 5)]))
        covered += figure.low <= 0.5 <= figure.high
    assert 0.93 <= covered / 600 <= 0.98


def simulated_confusions(random, num_prompts, num_comparisons):
    """Return one 2 x 2 confusion matrix a prompt; the truth is kappa = alpha = 0.5.

    People say a or b evenly, and the judge the same as they with a chance of mean 3 / 4 that
    differs between prompts; so both say each word half of the time, and 2 * 3 / 4 - 1 = 1 / 2.
    """
    chances = random.beta(1.5, 0.5, size=(num_prompts, 1))
    label = random.integers(0, 2, size=(num_prompts, num_comparisons))
    said = np.where(random.random(label.shape) < chances, label, 1 - label)
    cells = 2 * said + label
    return np.stack([(cells == cell).sum(axis=1) for cell in range(4)], axis=1)


def test_kappa_and_alpha_are_covered_only_if_whole_prompts_are_drawn():
    random, num_runs = np.random.default_rng(6), 400
    covered = {"kappa": 0, "alpha": 0, "kappa without prompts": 0}
    for _ in range(num_runs):
        tables = simulated_confusions(random, 60, 6)
        a, b = 2 * tables[:, 0], 2 * tables[:, 3]
        mixed = tables[:, 1] + tables[:, 2]
        figures = {
            "kappa": figure_of(tables, cohen_kappa),
            "alpha": figure_of(np.column_stack([a + b, a + mixed, b + mixed]), krippendorff_alpha),
            "kappa without prompts": figure_of(
                np.repeat(np.eye(4), tables.sum(axis=0), axis=0), cohen_kappa
            ),
        }
        for name, figure in figures.items():
            covered[name] += figure.low <= 0.5 <= figure.high
    assert 0.92 <= covered["kappa"] / num_runs <= 0.98
    assert 0.92 <= covered["alpha"] / num_runs <= 0.98
    assert covered["kappa without prompts"] / num_runs < 0.85
