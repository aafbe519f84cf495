"""Options of generated choice situations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.ingest.risk_utility import Lottery, Utility
from tasks.ingest.risk_wordings import Draw, one_of

_TWO = ((5, 95), (10, 90), (20, 80), (25, 75), (30, 70), (40, 60), (50, 50))
_TWO_EITHER_WAY = (*_TWO, *(tuple(reversed(shares)) for shares in _TWO))
_THREE = ((20, 60, 20), (25, 50, 25), (30, 40, 30), (10, 80, 10), (40, 40, 20), (20, 40, 40))
MARGIN = 0.02
"""How much the best option is ahead of the next at least, as a share of the stakes.

Prizes and probabilities stand in the prompt as they are computed with, so no rounding turns a
choice; the margin keeps choices from hanging on a dollar.
"""
_MAX_LOSS = 0.8
_CENT = 0.01


@dataclass(frozen=True, slots=True)
class Stakes:
    """Sizes in US dollars: a typical prize, and the wealth of which at most 0.8 can be lost."""

    typical: float
    wealth: float

    def rounded(self, share: float) -> float:
        """Return a share of the typical prize, to about two digits, cents at the finest."""
        unit = max(_CENT, 10.0 ** math.floor(math.log10(self.typical / 50)))
        least = -math.floor(_MAX_LOSS * self.wealth / unit)
        return round(max(least, round(share * self.typical / unit)) * unit, 2)


def draw_lottery(draw: Draw, stakes: Stakes, *, max_outcomes: int) -> Lottery:
    """Return a sure prize, or two or three prizes of which the least may be a loss."""
    num_outcomes = one_of(draw, (1, 2, 2, 2, 3, 3))
    if num_outcomes == 1:
        return Lottery((stakes.rounded(0.1 + 0.9 * draw()),), (100.0,))
    middle = 0.2 + 0.6 * draw()
    high, low = middle + 0.2 + 1.8 * draw() ** 2, middle - 0.1 - 1.4 * draw()
    if num_outcomes == 2 or max_outcomes < 3:  # noqa: PLR2004  - outcomes
        shares, prizes = one_of(draw, _TWO_EITHER_WAY), [high, low]
    else:
        shares, prizes = one_of(draw, _THREE), [high, middle, low]
    step = one_of(draw, (1, -1))  # the best outcome first, or last
    return Lottery(
        tuple(stakes.rounded(prize) for prize in prizes[::step]),
        tuple(float(share) for share in shares[::step]),
    )


def clear_best(utility: Utility, lotteries: Sequence[Lottery], margin: float) -> int | None:
    """Return the index of the option that is ahead of all others by `margin` dollars, if any."""
    values = [utility.certainty_equivalent(lottery) for lottery in lotteries]
    best, second = sorted(values, reverse=True)[:2]
    return values.index(best) if best - second >= margin else None
