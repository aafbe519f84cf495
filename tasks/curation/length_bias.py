"""Whether chosen answers are longer or shorter than rejected ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_RATIO = 1.1
"""Mean lengths that differ by less than this factor are no bias worth telling."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthBias:
    """How much longer chosen answers are than rejected ones, in tokens, with a 95 % interval.

    `ratio` is the mean length of chosen answers over that of rejected ones. With one cluster
    nothing is known about the spread, and the interval is infinite.
    """

    num_pairs: int
    mean_chosen_tokens: float
    mean_rejected_tokens: float
    difference_tokens: float
    low: float
    high: float
    share_chosen_longer: float
    ratio: float

    @property
    def flagged(self) -> bool:
        """Whether the interval excludes 0 and the mean lengths differ by more than `MAX_RATIO`."""
        excludes_zero = self.low > 0 or self.high < 0
        return excludes_zero and not 1 / MAX_RATIO <= self.ratio <= MAX_RATIO


def length_bias(
    chosen_tokens: ArrayLike, rejected_tokens: ArrayLike, clusters: Sequence[str]
) -> LengthBias:
    """Return the mean paired difference in length; each pair counts once.

    Pairs of one cluster of prompts resemble each other: the variance is the sum over clusters of
    the squared sum of their residuals (Liang and Zeger 1986), over the squared number of pairs and
    times G / (G - 1) for G clusters (CR1; Cameron and Miller 2015, section VI.B), and the interval
    has the quantile of Student's t with G - 1 degrees of freedom.

    Raises:
        ValueError: no pairs, or not one length and cluster per pair.
    """
    chosen = np.asarray(chosen_tokens, dtype=np.float64)
    rejected = np.asarray(rejected_tokens, dtype=np.float64)
    if not len(chosen) or not len(chosen) == len(rejected) == len(clusters):
        raise ValueError(
            f"{len(chosen)} chosen and {len(rejected)} rejected lengths of {len(clusters)} pairs "
            "cannot be compared"
        )
    differences = chosen - rejected
    mean, half = float(differences.mean()), _half_width(differences, clusters)
    mean_chosen, mean_rejected = float(chosen.mean()), float(rejected.mean())
    return LengthBias(
        num_pairs=len(chosen),
        mean_chosen_tokens=mean_chosen,
        mean_rejected_tokens=mean_rejected,
        difference_tokens=mean,
        low=mean - half,
        high=mean + half,
        share_chosen_longer=float((differences > 0).mean()),
        ratio=mean_chosen / mean_rejected if mean_rejected else inf if mean_chosen else nan,
    )


def _half_width(values: NDArray[np.float64], clusters: Sequence[str]) -> float:
    """Return half the width of the interval of the mean of values in clusters."""
    from scipy.special import stdtrit  # type: ignore[import-untyped, unused-ignore]

    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    num_clusters = len(names)
    if num_clusters == 1:
        return inf
    residuals = np.bincount(index, weights=values - values.mean()) / len(values)
    stderr = np.sqrt(num_clusters / (num_clusters - 1) * (residuals**2).sum())
    return float(stdtrit(num_clusters - 1, (1 + CONFIDENCE) / 2) * stderr)
