"""What options are worth: numbers by hand, symmetries, and amounts that overflow a float."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest.risk_utility import (
    Cara,
    Crra,
    Linear,
    Lottery,
    best_options,
    lottery_fault,
)

EVEN = Lottery((0.0, 100.0), (50.0, 50.0))


@st.composite
def lotteries(draw, least=-1_000.0, most=1_000.0):
    num_outcomes = draw(st.integers(1, 4))
    prizes = draw(st.lists(st.floats(least, most), min_size=num_outcomes, max_size=num_outcomes))
    shares = draw(st.lists(st.integers(1, 9), min_size=num_outcomes, max_size=num_outcomes))
    percents = tuple(100 * share / sum(shares) for share in shares)
    return Lottery(tuple(prizes), percents)


def test_an_expected_prize_is_the_sum_of_prizes_times_probabilities():
    """First real situation: 0.55 * 67 + 0.40 * 19 - 0.05 * 92 = 36.85 + 7.6 - 4.6."""
    lottery = Lottery((67.0, 19.0, -92.0), (55.0, 40.0, 5.0))
    assert Linear().certainty_equivalent(lottery) == pytest.approx(39.85)


def test_cara_is_the_formula():
    """E[u] = 1 - (1 + e^-1) / 2 = 0.31606, so that the sure prize is -100 ln(0.68394) = 37.99."""
    assert Cara(0.01).certainty_equivalent(EVEN) == pytest.approx(37.9885, abs=1e-4)


@pytest.mark.parametrize(
    ("gamma", "worth"),
    [
        pytest.param(2, 47.619048, id="harmonic mean of 1000 and 1100 is 22000 / 21"),
        pytest.param(1, 48.808848, id="geometric mean is the root of 1,100,000"),
        pytest.param(0.5, 49.404424, id="square of the mean of the roots"),
    ],
)
def test_crra_is_a_mean_of_wealth_with_the_prize(gamma, worth):
    assert Crra(gamma, 1000).certainty_equivalent(EVEN) == pytest.approx(worth, abs=1e-5)


def test_the_naive_utility_gives_the_same_order_where_it_does_not_overflow():
    options = [EVEN, Lottery((40.0,), (100.0,)), Lottery((-20.0, 90.0), (30.0, 70.0))]
    utilities = [
        sum(
            percent / 100 * (1 - math.exp(-0.01 * prize))
            for prize, percent in zip(option.prizes, option.percents, strict=True)
        )
        for option in options
    ]
    assert best_options(Cara(0.01), options) == (utilities.index(max(utilities)),)
    for option, utility in zip(options, utilities, strict=True):
        worth = Cara(0.01).certainty_equivalent(option)
        assert 1 - math.exp(-0.01 * worth) == pytest.approx(utility)


def test_a_loss_whose_utility_overflows_is_compared_all_the_same():
    """Of the loss of a million only its probability counts: -1,000,000 - 100 ln(0.05)."""
    ruin = Lottery((-1_000_000.0, 5.0), (5.0, 95.0))
    rarer = Lottery((-1_000_000.0, 5.0), (4.0, 96.0))
    assert Cara(0.01).certainty_equivalent(ruin) == pytest.approx(-1_000_000 + 299.573227)
    assert best_options(Cara(0.01), [ruin, rarer]) == (1,)


@given(lotteries(), st.floats(-1e4, 1e4), st.floats(1e-6, 0.1))
def test_cara_does_not_care_about_money_that_comes_in_any_case(lottery, more, alpha):
    moved = Lottery(tuple(prize + more for prize in lottery.prizes), lottery.percents)
    agent = Cara(alpha)
    expected = agent.certainty_equivalent(lottery) + more
    assert agent.certainty_equivalent(moved) == pytest.approx(expected, abs=1e-6)


@given(lotteries(least=-900.0), st.floats(0.01, 100), st.floats(0.1, 8))
def test_crra_does_not_care_about_the_unit_of_money(lottery, factor, gamma):
    scaled = Lottery(tuple(factor * prize for prize in lottery.prizes), lottery.percents)
    expected = factor * Crra(gamma, 1000).certainty_equivalent(lottery)
    worth = Crra(gamma, factor * 1000).certainty_equivalent(scaled)
    assert worth == pytest.approx(expected, rel=1e-9, abs=1e-9 * factor * 1000)


@given(lotteries())
def test_without_risk_aversion_both_are_linear(lottery):
    """The premium is about alpha / 2 times the variance, which is at most a million here."""
    expected = Linear().certainty_equivalent(lottery)
    assert Cara(1e-12).certainty_equivalent(lottery) == pytest.approx(expected, abs=1e-5)
    assert Crra(1e-12, 2000).certainty_equivalent(lottery) == pytest.approx(expected, abs=1e-5)


@given(lotteries(least=-900.0), st.floats(1e-4, 0.1), st.floats(0.1, 8))
def test_no_averse_agent_pays_more_than_the_expected_prize_or_less_than_the_worst(
    lottery, alpha, gamma
):
    expected = Linear().certainty_equivalent(lottery)
    for agent in (Cara(alpha), Crra(gamma, 1000)):
        worth = agent.certainty_equivalent(lottery)
        assert min(lottery.prizes) - 1e-6 <= worth <= expected + 1e-6


@given(st.lists(lotteries(), min_size=2, max_size=5), st.randoms())
def test_the_order_of_options_and_outcomes_does_not_matter(options, random):
    order = random.sample(range(len(options)), len(options))
    shuffled = [
        Lottery(options[index].prizes[::-1], options[index].percents[::-1]) for index in order
    ]
    best = best_options(Cara(0.01), options)
    assert {order[index] for index in best_options(Cara(0.01), shuffled)} == set(best)


def test_equal_options_are_a_tie_and_a_cent_is_none():
    """0.1 * 3 * 100 and 30 differ in the last bit of a float."""
    thirty = Lottery((300.0, 0.0), (10.0, 90.0))
    assert best_options(Linear(), [thirty, Lottery((30.0,), (100.0,))]) == (0, 1)
    assert best_options(Linear(), [thirty, Lottery((30.01,), (100.0,))]) == (1,)


@pytest.mark.parametrize(
    ("gamma", "worth"), [(2, -1000.0), (1, -1000.0), (0.5, -750.0)], ids=["2", "1", "0.5"]
)
def test_a_possible_ruin_is_all_that_counts_from_gamma_1_on(gamma, worth):
    """Below, (sqrt(1000) / 2)^2 = 250 is left of a thousand."""
    ruin = Lottery((-1000.0, 0.0), (50.0, 50.0))
    assert Crra(gamma, 1000).certainty_equivalent(ruin) == pytest.approx(worth)


def test_a_loss_above_the_wealth_has_no_crra_utility():
    with pytest.raises(ValueError, match="more than the wealth of 100 can lose"):
        Crra(2, 100).certainty_equivalent(Lottery((-100.5, 0.0), (50.0, 50.0)))


@pytest.mark.parametrize(
    ("prizes", "percents", "fault"),
    [
        pytest.param((1, 2), (50, 50), "", id="sound"),
        pytest.param((1, 2, 3), (33, 33, 33), "", id="rounded"),
        pytest.param((), (), "an option has no prizes", id="empty"),
        pytest.param((1,), (50, 50), "prizes and probabilities differ in number", id="number"),
        pytest.param((1, 2), (50, 40), "probabilities do not sum to 100 %", id="too little"),
        pytest.param((1, 2), (0.5, 0.5), "probabilities do not sum to 100 %", id="shares"),
        pytest.param((1,) * 300, (0,) * 300, "probabilities do not sum to 100 %", id="zeros"),
        pytest.param((1, 2), (-10, 110), "a probability is not from 0 to 100 %", id="negative"),
        pytest.param((1, 2), (math.nan, 50), "a probability is not from 0 to 100 %", id="nan"),
        pytest.param((math.nan,), (100,), "a prize is out of range", id="prize nan"),
        pytest.param((1e200,), (100,), "a prize is out of range", id="huge"),
    ],
)
def test_numbers_that_make_no_lottery_are_told(prizes, percents, fault):
    assert lottery_fault(prizes, percents) == fault
