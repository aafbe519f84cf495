"""Distributional dispreference optimization (Duan et al., arXiv 2403.03419)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import logsigmoid


@dataclass(frozen=True, slots=True)
class DispreferenceLogps:
    """Log-probabilities in nats, summed over tokens, of each row's self-samples and its negative.

    Entries of `anchors` that stand for no self-sample can hold any finite number.
    """

    anchors: Float[Tensor, "batch samples"]
    negative: Float[Tensor, " batch"]


@dataclass(frozen=True, slots=True)
class DispreferenceLoss:
    """The loss of each row and its parts; all but `losses` is detached, for logging.

    `positive_term` is beta times the mean log-ratio of the self-samples, `negative_term` alpha
    times the log-ratio of the negative, `margins` their difference, inside the sigmoid.
    `forward_kl` is the mean of log pi_ref - log pi over the self-samples: where those were drawn
    from the reference it estimates KL(reference || policy) in nats per sequence.
    """

    losses: Float[Tensor, " batch"]
    positive_term: Float[Tensor, " batch"]
    negative_term: Float[Tensor, " batch"]
    margins: Float[Tensor, " batch"]
    forward_kl: Float[Tensor, " batch"]


def d2o_loss(
    policy: DispreferenceLogps,
    reference: DispreferenceLogps,
    anchor_mask: Bool[Tensor, "batch samples"],
    *,
    alpha: float,
    beta: float,
    margin_cutoff: float = 0.0,
) -> DispreferenceLoss:
    """Return the D2O loss of each row.

    -log sigmoid(beta / K * sum_i log(pi / pi_r-)(y_i) - alpha * log(pi / pi_r+)(y-)), eq. 3, where
    y_i are K self-samples of the prompt (`anchor_mask` tells which columns hold one), y- is the
    dispreferred answer, and pi_r- and pi_r+ are the references of either. The mean over K is taken
    once. With one self-sample and alpha = beta this is the DPO loss with that sample as chosen.

    Deviations: a row without self-samples has a positive term of 0, which makes the loss a bounded
    gradient ascent on the negative. With `margin_cutoff` above 0, rows whose margin is beyond it
    give no gradient; their loss is still reported.
    """
    counts = anchor_mask.sum(dim=1).clamp(min=1)
    ratios = (policy.anchors - reference.anchors).masked_fill(~anchor_mask, 0.0)
    mean_ratios = ratios.sum(dim=1) / counts
    positive_term = beta * mean_ratios
    negative_term = alpha * (policy.negative - reference.negative)
    margins = positive_term - negative_term
    active = margins
    if margin_cutoff > 0:
        active = torch.where(margins > margin_cutoff, margins.detach(), margins)
    return DispreferenceLoss(
        losses=-logsigmoid(active),
        positive_term=positive_term.detach(),
        negative_term=negative_term.detach(),
        margins=margins.detach(),
        forward_kl=-mean_ratios.detach(),
    )
