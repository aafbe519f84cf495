"""Means and whitening over the tokens that a mask keeps."""

from jaxtyping import Bool, Float
from torch import Tensor

_EPSILON = 1e-8


def masked_mean(
    values: Float[Tensor, "batch tokens"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, ""]:
    """Return the mean of the values where `mask` is True, each of the same weight; 0 of nothing."""
    return values.masked_fill(~mask, 0.0).sum() / mask.sum().clamp(min=1)


def whiten(
    values: Float[Tensor, "batch tokens"],
    mask: Bool[Tensor, "batch tokens"],
    *,
    shift_mean: bool = True,
) -> Float[Tensor, "batch tokens"]:
    """Return the values scaled to variance 1 and shifted to mean 0 where `mask` is True, else 0.

    Without `shift_mean` the mean stays as it was before scaling, so that a reward keeps its sign
    (Ziegler et al., arXiv 1909.08593, section 2.2, whiten so). The variance is that of the
    population, so one value alone becomes 0 and not NaN; values that are all alike become 0 too.
    """
    mean = masked_mean(values, mask)
    variance = masked_mean((values - mean).square(), mask)
    whitened = (values - mean) * (variance + _EPSILON).rsqrt()
    if not shift_mean:
        whitened = whitened + mean
    return whitened.masked_fill(~mask, 0.0)
