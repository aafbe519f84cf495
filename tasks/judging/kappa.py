"""Agreement, corrected for chance where asked, with intervals that resample prompts.

Every measure here is a function of counts that are sums over prompts. Comparisons of one prompt
resemble each other, so whole prompts are drawn with replacement and the measure is computed from
the counts of each draw. The interval is the percentile interval, its tails widened by the t
quantile and sqrt(G / (G - 1)) for G prompts (the expanded percentile interval of Hesterberg 2015,
"What Teachers Should Know About the Bootstrap", The American Statistician 69), because the plain
one is too narrow for few prompts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
CONFIDENCE = 0.95
NUM_RESAMPLES = 2_000
_MOST_CELLS = 4_000_000
"""Numbers held at once while prompts are drawn: 32 MB."""
_NO_WIDTH = 1e-12


class Agreement(NamedTuple):
    """How often two parties agree, and how often they would by chance alone (0 for a share)."""

    observed: Counts
    expected: Counts

    @property
    def coefficient(self) -> Counts:
        """1 where they always agree, 0 where as often as by chance; NaN where chance is certain."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.observed - self.expected) / (1 - self.expected)


Measure = Callable[[Counts], Agreement]


class Bounds(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteredFigure:
    """A share or a coefficient of agreement with its 95 % interval, clustered by prompt.

    `count` of `num` cases had what the share counts; for a coefficient these are the cases in
    which both parties said the same. `value` and its bounds are None where there is no case, or
    where chance alone makes agreement certain. With one prompt nothing is known about the spread,
    and the interval is everything that is possible.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int
    num: int
    num_prompts: int


def share(counts: Counts) -> Agreement:
    """Return a share; the last axis holds what it counts and all cases."""
    with np.errstate(invalid="ignore"):
        observed = counts[..., 0] / counts[..., 1]
    return Agreement(observed, np.zeros_like(observed))


def cohen_kappa(counts: Counts) -> Agreement:
    """Return agreement whose coefficient is Cohen's kappa (1960).

    The last axis is a square confusion matrix, row after row.
    """
    side = round(counts.shape[-1] ** 0.5)
    table = counts.reshape(*counts.shape[:-1], side, side)
    total = table.sum(axis=(-2, -1))
    rows, columns = table.sum(axis=-1), table.sum(axis=-2)
    with np.errstate(invalid="ignore"):
        observed = np.trace(table, axis1=-2, axis2=-1) / total
        return Agreement(observed, (rows * columns).sum(axis=-1) / total**2)


def krippendorff_alpha(counts: Counts) -> Agreement:
    """Return agreement whose coefficient is Krippendorff's alpha for nominal values.

    The last axis holds sums of `pairable_counts`. Krippendorff 2011, "Computing Krippendorff's
    Alpha-Reliability", section C: observed and expected disagreement are 1 minus what stands here.
    """
    matches, of_category = counts[..., 0], counts[..., 1:]
    total = of_category.sum(axis=-1)
    by_chance = (of_category * (of_category - 1)).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Agreement(matches / total, by_chance / (total * (total - 1)))


def pairable_counts(values: Counts) -> Counts:
    """Return what each unit adds to alpha, shape (units, 1 + categories).

    `values` counts how often each category was given to each unit. A unit with fewer than two
    values adds nothing: it has no pair. First its matching pairs, each weighted by 1 / (values of
    the unit - 1), then its values by category.
    """
    given = values.sum(axis=1)
    paired = np.where(given[:, None] > 1, values, 0)
    matches = (paired * (paired - 1)).sum(axis=1) / np.maximum(given - 1, 1)
    return np.column_stack([matches, paired])


def clustered_figure(
    counts: Counts, measure: Measure, *, count: int, num: int, seed: int
) -> ClusteredFigure:
    """Return a measure of the sum of `counts`, shape (prompts, columns), with its interval.

    Prompts that count nothing are no part of it. The order of prompts does not matter.
    """
    used = counts[counts.any(axis=1)]
    whole = measure(used.sum(axis=0))
    value = float(whole.coefficient)
    known = len(used) > 0 and bool(np.isfinite(value))
    bounds = _bounds(used, measure, whole, seed) if known else None
    return ClusteredFigure(
        value=value if bounds else None,
        low=bounds.low if bounds else None,
        high=bounds.high if bounds else None,
        count=count,
        num=num,
        num_prompts=len(used),
    )


def _bounds(used: Counts, measure: Measure, whole: Agreement, seed: int) -> Bounds:
    """Return the interval; Wilson's, each prompt one case, where draws do not differ at all."""
    from scipy import special

    num_prompts = len(used)
    if num_prompts > 1:
        draws = np.concatenate([measure(sums).coefficient for sums in _drawn(used, seed)])
        t_quantile = special.stdtrit(num_prompts - 1, (1 + CONFIDENCE) / 2)
        tail = special.ndtr(-t_quantile * np.sqrt(num_prompts / (num_prompts - 1)))
        low, high = np.nanquantile(draws, [tail, 1 - tail])  # NaN: a draw of one category alone
        if high - low > _NO_WIDTH:
            return Bounds(float(low), float(high))
    observed = _wilson(float(whole.observed), num_prompts)
    ends = [Agreement(np.array(end), whole.expected).coefficient for end in observed]
    return Bounds(max(-1.0, float(ends[0])), float(ends[1]))


def _drawn(used: Counts, seed: int) -> Iterator[Counts]:
    """Yield the summed counts of draws of as many prompts as there are, shape (draws, columns).

    Prompts with the same counts are exchangeable, so only how many of each kind are drawn matters:
    a multinomial over the kinds, of which there are few.
    """
    kinds, sizes = np.unique(used, axis=0, return_counts=True)
    random = np.random.default_rng(seed)
    at_once = max(1, _MOST_CELLS // len(kinds))
    for done in range(0, NUM_RESAMPLES, at_once):
        num_draws = min(at_once, NUM_RESAMPLES - done)
        yield random.multinomial(len(used), sizes / len(used), size=num_draws) @ kinds


def _wilson(observed: float, num_prompts: int) -> Bounds:
    """Return Wilson's interval (1927) with the t quantile."""
    from scipy import special

    if num_prompts == 1:
        return Bounds(0.0, 1.0)
    shrink = float(special.stdtrit(num_prompts - 1, (1 + CONFIDENCE) / 2)) ** 2 / num_prompts
    centre = (observed + shrink / 2) / (1 + shrink)
    half = (observed * (1 - observed) * shrink + shrink**2 / 4) ** 0.5 / (1 + shrink)
    return Bounds(max(0.0, centre - half), min(1.0, centre + half))
