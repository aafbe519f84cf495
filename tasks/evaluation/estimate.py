"""Means with honest intervals.

Answers to one prompt resemble each other, so prompts are the sampling unit and not answers: each
estimate is a function of per-prompt sums, and its standard error is that of the mean over prompts
(Liang and Zeger 1986) with the factor G / (G - 1) for G prompts (CR1; Cameron and Miller 2015,
section VI.B) and Student's t with G - 1 degrees of freedom. For equally many answers a prompt this
is the exact t interval of the prompts' means. Miller 2024 (arXiv 2411.00640, section 2.2) uses the
same clustering without the two small-sample corrections, which is too narrow below some 50 prompts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its 95 % interval; `num_prompts` clusters, `num_samples` values.

    With one prompt nothing is known about the spread: `stderr` is infinite and so is the interval.
    """

    value: float
    low: float
    high: float
    stderr: float
    num_prompts: int
    num_samples: int


@dataclass(frozen=True, slots=True)
class PromptSums:
    """The sum of each prompt's values and how many there are, prompts in sorted order."""

    prompt_ids: tuple[str, ...]
    sums: Values
    counts: NDArray[np.int64]

    @property
    def means(self) -> Values:
        """The mean over each prompt's values."""
        return self.sums / self.counts


def sums_by_prompt(prompt_ids: Sequence[str], values: Sequence[float]) -> PromptSums:
    """Return the sums of the values of each prompt.

    Raises:
        ValueError: no values, or not one prompt id per value.
    """
    if not values or len(prompt_ids) != len(values):
        raise ValueError(f"{len(values)} values of {len(prompt_ids)} prompts cannot be summed")
    names, index = np.unique(np.asarray(prompt_ids), return_inverse=True)
    return PromptSums(
        prompt_ids=tuple(str(name) for name in names),
        sums=np.bincount(index, weights=np.asarray(values)).astype(np.float64),
        counts=np.bincount(index),
    )


def estimate_mean(prompt_ids: Sequence[str], values: Sequence[float]) -> Interval:
    """Return the mean of the prompts' means: each prompt counts once, however many values it has.

    Raises:
        ValueError: as `sums_by_prompt`.
    """
    of = sums_by_prompt(prompt_ids, values)
    mean = float(of.means.mean())
    influences = (of.means - mean) / len(of.means)
    return interval_from_influences(mean, influences, int(of.counts.sum()))


def estimate_bounded(prompt_ids: Sequence[str], values: Sequence[float]) -> Interval:
    """Return the mean of values from 0 to 1 with an interval that stays within 0 and 1.

    Wilson's interval (1927) for the effective number of answers, p (1 - p) / stderr^2, with the t
    quantile (Franco et al. 2019, for shares in clustered samples; here also for values in between).
    Where all values agree the spread between prompts says nothing, and each prompt counts as one
    answer.

    Raises:
        ValueError: as `sums_by_prompt`, or a value outside 0 to 1.
    """
    if min(values, default=0.0) < 0 or max(values, default=0.0) > 1:
        raise ValueError(f"values from {min(values)} to {max(values)} are not within 0 to 1")
    plain = estimate_mean(prompt_ids, values)
    if plain.num_prompts == 1:
        return plain
    share, quantile = plain.value, t_quantile(plain.num_prompts - 1)
    spread = share * (1 - share)
    effective = spread / plain.stderr**2 if plain.stderr > 0 and spread > 0 else plain.num_prompts
    shrink = quantile**2 / effective
    centre = (share + shrink / 2) / (1 + shrink)
    half = np.sqrt(spread * shrink + shrink**2 / 4) / (1 + shrink)
    return Interval(
        value=share,
        low=max(0.0, float(centre - half)),
        high=min(1.0, float(centre + half)),
        stderr=plain.stderr,
        num_prompts=plain.num_prompts,
        num_samples=plain.num_samples,
    )


def estimate_difference(policy: PromptSums, baseline: PromptSums) -> Interval | None:
    """Return the mean difference policy minus baseline over the prompts that both answered.

    None where they share no prompt. `num_samples` counts the policy's values on those prompts.
    """
    _, mine, theirs = np.intersect1d(policy.prompt_ids, baseline.prompt_ids, return_indices=True)
    if not len(mine):
        return None
    differences = policy.means[mine] - baseline.means[theirs]
    mean = float(differences.mean())
    influences = (differences - mean) / len(mine)
    return interval_from_influences(mean, influences, int(policy.counts[mine].sum()))


@lru_cache
def t_quantile(degrees: int, confidence: float = CONFIDENCE) -> float:
    """Return the t value within which Student's t lies with probability `confidence`.

    With t = sqrt(v) tan(a) the density of t becomes cos(a)^(v - 1), which is integrated on a grid;
    from 1,000 degrees on by the first terms of Abramowitz and Stegun 26.7.5. Agrees with scipy to
    1e-6.
    """
    if degrees >= 1000:  # noqa: PLR2004  - where the series is exact to 1e-8
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    angles = np.linspace(0.0, np.pi / 2, 100_001)
    density = np.cos(angles) ** (degrees - 1)
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    angle = np.interp(confidence, mass / mass[-1], angles)
    return float(np.sqrt(degrees) * np.tan(angle))


def interval_from_influences(value: float, influences: Values, num_samples: int) -> Interval:
    """Return the t interval of an estimate from what each prompt contributes to its error.

    The contributions sum to 0; their squares, summed and times G / (G - 1), are the variance.
    """
    num_prompts = len(influences)
    if num_prompts == 1:
        stderr = half = float("inf")
    else:
        stderr = float(np.sqrt(num_prompts / (num_prompts - 1) * (influences**2).sum()))
        half = t_quantile(num_prompts - 1) * stderr
    return Interval(
        value=value,
        low=float(value - half),
        high=float(value + half),
        stderr=stderr,
        num_prompts=num_prompts,
        num_samples=num_samples,
    )
