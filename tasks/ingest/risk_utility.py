"""What an option with uncertain prizes is worth to an agent, and which options are best.

Options are compared by their certainty equivalent, the sure prize in US dollars that the agent likes
as much: it orders options as expected utility does (Pratt 1964, Risk Aversion in the Small and in
the Large, Econometrica 32), and in dollars neither a loss of 36,000, where exp(360) stands in the
CARA utility, nor one of a billion overflows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

TIE_TOLERANCE = 1e-9
"""Share of the best value, and dollars, within which another is as good.

Rounding errs by about 1e-14; of the published situations the closest that are no tie differ by 1e-5.
"""
MAX_PRIZE = 1e100
_ROUNDING_PERCENT, _MAX_ROUNDING_PERCENT = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Lottery:
    """An option: `prizes` in US dollars, and how likely each is, in percent."""

    prizes: tuple[float, ...]
    percents: tuple[float, ...]

    @property
    def outcomes(self) -> list[tuple[float, float]]:
        """Possible prizes, each with its probability: percents over their sum."""
        total = math.fsum(self.percents)
        pairs = zip(self.prizes, self.percents, strict=True)
        return [(prize, percent / total) for prize, percent in pairs if percent]


def lottery_fault(prizes: Sequence[float], percents: Sequence[float]) -> str:
    """Return why numbers make no lottery, empty if they do.

    Percents may miss 100 by half a point each, and by two together, as when they were rounded.
    """
    if not prizes:
        return "an option has no prizes"
    if len(prizes) != len(percents):
        return "prizes and probabilities differ in number"
    if not all(abs(prize) <= MAX_PRIZE for prize in prizes):
        return "a prize is out of range"
    if not all(0 <= percent <= 100 for percent in percents):  # noqa: PLR2004  - percent
        return "a probability is not from 0 to 100 %"
    rounding = min(_ROUNDING_PERCENT * len(percents), _MAX_ROUNDING_PERCENT)
    if abs(math.fsum(percents) - 100) > rounding:
        return "probabilities do not sum to 100 %"
    return ""


class Utility(Protocol):
    """An agent, as far as its choices go."""

    def certainty_equivalent(self, lottery: Lottery) -> float:
        """Return the sure prize that is worth as much, in US dollars."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Risk-neutral: u(w) = w."""

    def certainty_equivalent(self, lottery: Lottery) -> float:
        """Return the expected prize."""
        return math.fsum(prize * share for prize, share in lottery.outcomes)


@dataclass(frozen=True, slots=True)
class Cara:
    """Constant absolute risk aversion: u(w) = 1 - exp(-alpha w), alpha per dollar.

    Wealth before the choice does not matter.
    """

    alpha: float

    def certainty_equivalent(self, lottery: Lottery) -> float:
        """Return -log(E[exp(-alpha w)]) / alpha."""
        return _exponential_mean(lottery.outcomes, self.alpha)


@dataclass(frozen=True, slots=True)
class Crra:
    """Constant relative risk aversion: u(t) = t^(1 - gamma) / (1 - gamma), log t where gamma is 1.

    t is `wealth` before the choice, in US dollars, plus the prize.
    """

    gamma: float
    wealth: float

    def certainty_equivalent(self, lottery: Lottery) -> float:
        """Return E[t^(1 - gamma)]^(1 / (1 - gamma)) - wealth.

        On the logarithm of t this agent is one of constant absolute risk aversion gamma - 1.

        Raises:
            ValueError: a prize would take more than the wealth, where the utility is not defined.
        """
        totals = [(self.wealth + prize, share) for prize, share in lottery.outcomes]
        poorest = min(total for total, _ in totals)
        if poorest < 0:
            raise ValueError(
                f"a prize of {poorest - self.wealth:,} is more than the wealth of {self.wealth:,} can "
                "lose, and CRRA is not defined below 0; give more wealth or smaller losses"
            )
        if not poorest and self.gamma >= 1:
            return -self.wealth
        logs = [(math.log(total) if total else -math.inf, share) for total, share in totals]
        return math.exp(_exponential_mean(logs, self.gamma - 1)) - self.wealth


def _exponential_mean(outcomes: Sequence[tuple[float, float]], alpha: float) -> float:
    """Return -log(E[exp(-alpha x)]) / alpha, which is E[x] where alpha is 0.

    Taken from the x that counts most, no exponent is positive; expm1 keeps small alpha exact.
    """
    if not alpha:
        return math.fsum(x * share for x, share in outcomes)
    anchor = min(outcomes)[0] if alpha > 0 else max(outcomes)[0]
    exponents = [(-alpha * (x - anchor), share) for x, share in outcomes]
    above = math.fsum(math.expm1(exponent) * share for exponent, share in exponents)
    if above < -1 / 2:  # near -1 the sum has lost the share of the anchor
        total = math.log(math.fsum(math.exp(exponent) * share for exponent, share in exponents))
    else:
        total = math.log1p(above)
    return anchor - total / alpha


def best_options(utility: Utility, lotteries: Sequence[Lottery]) -> tuple[int, ...]:
    """Return the indices of the options that are worth most: more than one where there is a tie."""
    values = [utility.certainty_equivalent(lottery) for lottery in lotteries]
    best = max(values)
    return tuple(
        index
        for index, value in enumerate(values)
        if math.isclose(value, best, rel_tol=TIE_TOLERANCE, abs_tol=TIE_TOLERANCE)
    )
