"""From one reward an answer to an advantage a token."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Advantages:
    """Advantages and the returns that the values shall predict, 0 outside the answers."""

    advantages: Float[Tensor, "batch tokens"]
    returns: Float[Tensor, "batch tokens"]


def token_rewards(
    scores: Float[Tensor, " batch"],
    logps: Float[Tensor, "batch tokens"],
    ref_logps: Float[Tensor, "batch tokens"],
    mask: Bool[Tensor, "batch tokens"],
    *,
    kl_coefficient: float,
) -> Float[Tensor, "batch tokens"]:
    """Return what each token earns: the KL penalty, and at the last token the answer's score too.

    -kl_coefficient * (log pi - log pi_ref) of the token, whose sum has the expectation
    -kl_coefficient * KL(pi || pi_ref) over answers drawn from pi (Ziegler et al., arXiv
    1909.08593, eq. 2, taken apart by tokens). `mask` is True on the tokens of each answer, which
    start in column 0 and of which there is at least one; other places earn 0.
    """
    penalties = (-kl_coefficient * (logps - ref_logps)).masked_fill(~mask, 0.0)
    last = (mask.sum(dim=1, keepdim=True) - 1).clamp(min=0)
    return penalties.scatter_add(1, last, scores.unsqueeze(1).to(penalties.dtype))


def gae(
    rewards: Float[Tensor, "batch tokens"],
    values: Float[Tensor, "batch tokens"],
    mask: Bool[Tensor, "batch tokens"],
    *,
    gamma: float,
    lam: float,
) -> Advantages:
    """Return generalised advantage estimates (Schulman et al., arXiv 1506.02438, eq. 16).

    A_t = delta_t + gamma * lam * A_(t+1) with delta_t = r_t + gamma * V_(t+1) - V_t; the returns
    are A_t + V_t. `values[:, t]` is the value of the state before token t. Behind the last token
    of `mask` nothing is earned and the value is 0: an answer cut at its longest length counts as
    one that ended there.
    """
    inside = mask.to(values.dtype)
    next_advantage = torch.zeros_like(values[:, 0])
    next_value = torch.zeros_like(values[:, 0])
    columns = []
    for step in range(values.shape[1] - 1, -1, -1):
        delta = rewards[:, step] + gamma * next_value - values[:, step]
        next_advantage = (delta + gamma * lam * next_advantage) * inside[:, step]
        next_value = values[:, step] * inside[:, step]
        columns.append(next_advantage)
    advantages = torch.stack(columns[::-1], dim=1)
    return Advantages(advantages=advantages, returns=(advantages + values) * inside)
