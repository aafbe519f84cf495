"""Proximal policy optimization (Schulman et al., arXiv 1707.06347)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ClippedLoss:
    """The loss of each token, and where the clipped term decided it; `clipped` is for logging."""

    losses: Float[Tensor, "batch tokens"]
    clipped: Bool[Tensor, "batch tokens"]


def clipped_policy_loss(
    logps: Float[Tensor, "batch tokens"],
    old_logps: Float[Tensor, "batch tokens"],
    advantages: Float[Tensor, "batch tokens"],
    *,
    clip: float,
) -> ClippedLoss:
    """Return the clipped surrogate objective of each token, negated (eq. 7).

    -min(r * A, clip(r, 1 - clip, 1 + clip) * A) with r = exp(log pi - log pi_old). Where the
    clipped term is the smaller one there is no gradient. A token is an action; the mean over the
    tokens of the answers is the caller's.
    """
    ratios = (logps - old_logps).exp()
    free = -advantages * ratios
    bound = -advantages * ratios.clamp(1 - clip, 1 + clip)
    return ClippedLoss(losses=torch.maximum(free, bound), clipped=(bound > free).detach())


def clipped_value_loss(
    values: Float[Tensor, "batch tokens"],
    old_values: Float[Tensor, "batch tokens"],
    returns: Float[Tensor, "batch tokens"],
    *,
    clip: float,
) -> ClippedLoss:
    """Return half the squared error of each value, that of the worse of value and clipped value.

    The clipped value lies within `clip` of the old one. The paper has the plain squared error
    (eq. 9); the clip is that of OpenAI's baselines, which later work on language models kept.
    """
    near = old_values + (values - old_values).clamp(-clip, clip)
    free, bound = (values - returns).square(), (near - returns).square()
    return ClippedLoss(losses=0.5 * torch.maximum(free, bound), clipped=(bound > free).detach())
