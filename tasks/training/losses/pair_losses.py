"""Losses on pairs besides plain DPO, with the names and formulas of TRL 1.16.

h below is the margin log(pi / pi_ref)(chosen) - log(pi / pi_ref)(rejected), r+ and r- are its two
log-ratios, all in nats.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from tasks.training.losses.dpo import PairLoss, ScoredPairs, dpo_loss

_DISCOPOP_TAU = 0.05  # the paper's
_Losses = Float[Tensor, " batch"]


def pair_loss(
    loss_type: str,
    pairs: ScoredPairs,
    *,
    beta: float,
    label_smoothing: float = 0.0,
    length_normalised: bool = False,
) -> PairLoss:
    """Return the loss of each pair by the name of its type, one of `PAIR_LOSSES`.

    `length_normalised` divides every log-probability by the number of its answer's tokens before
    the loss sees it; `ipo` and `sigmoid_norm` do so by themselves. Rewards are of the whole
    answers in any case.
    """
    scored = pairs.per_token() if length_normalised else pairs
    rewards = dpo_loss(pairs.policy, pairs.reference, beta=beta)
    return PairLoss(
        losses=PAIR_LOSSES[loss_type](scored, beta, label_smoothing),
        chosen_rewards=rewards.chosen_rewards,
        rejected_rewards=rewards.rejected_rewards,
    )


def chosen_nll(pairs: ScoredPairs) -> Float[Tensor, ""]:
    """Return the mean negative log-likelihood of the chosen answers, in nats per token.

    The SFT term of RPO (Pang et al., arXiv 2404.19733, eq. 2). Every token of the batch has the
    same weight, as in TRL; in the paper every answer has.
    """
    return -pairs.policy.chosen.sum() / pairs.lengths.chosen.sum().clamp(min=1)


def _sigmoid(pairs: ScoredPairs, beta: float, smoothing: float) -> _Losses:
    return dpo_loss(pairs.policy, pairs.reference, beta=beta, label_smoothing=smoothing).losses


def _sigmoid_norm(pairs: ScoredPairs, beta: float, smoothing: float) -> _Losses:
    """Return DPO's loss of mean log-probabilities per token."""
    return _sigmoid(pairs.per_token(), beta, smoothing)


def _hinge(pairs: ScoredPairs, beta: float, _: float) -> _Losses:
    """Return max(0, 1 - beta h) (SLiC, Zhao et al., arXiv 2305.10425, on DPO's margin)."""
    return torch.relu(1 - beta * pairs.margins)


def _ipo(pairs: ScoredPairs, beta: float, _: float) -> _Losses:
    """Return (h - 1 / (2 beta))^2 (Azar et al., arXiv 2310.12036, eq. 17), h per token.

    The paper sums over the tokens; TRL divides by their number, as the authors told it they did.
    """
    return (pairs.per_token().margins - 1 / (2 * beta)).square()


def _robust(pairs: ScoredPairs, beta: float, smoothing: float) -> _Losses:
    """Return DPO's loss without the bias of flipped labels (Chowdhury et al., arXiv 2403.00409)."""
    logits = beta * pairs.margins
    clean, flipped = -logsigmoid(logits), -logsigmoid(-logits)
    return ((1 - smoothing) * clean - smoothing * flipped) / (1 - 2 * smoothing)


def _exo_pair(pairs: ScoredPairs, beta: float, smoothing: float) -> _Losses:
    """Return KL(softmax(beta r) || (1 - e, e)) (EXO, Ji et al., arXiv 2402.00856, eq. 16)."""
    logits = beta * pairs.margins
    won = torch.sigmoid(logits) * (logsigmoid(logits) - math.log1p(-smoothing))
    lost = torch.sigmoid(-logits) * (logsigmoid(-logits) - math.log(smoothing))
    return won + lost


def _nca_pair(pairs: ScoredPairs, beta: float, _: float) -> _Losses:
    """Return the pairwise NCA loss (Chen et al., arXiv 2402.05369)."""
    chosen, rejected = beta * pairs.ratios.chosen, beta * pairs.ratios.rejected
    return -logsigmoid(chosen) - 0.5 * logsigmoid(-chosen) - 0.5 * logsigmoid(-rejected)


def _bco_pair(pairs: ScoredPairs, beta: float, _: float) -> _Losses:
    """Return BCO's loss of both answers (Jung et al., arXiv 2404.04656) without its reward shift."""
    return -logsigmoid(beta * pairs.ratios.chosen) - logsigmoid(-beta * pairs.ratios.rejected)


def _sppo_hard(pairs: ScoredPairs, beta: float, _: float) -> _Losses:
    """Return SPPO's squared errors with the win probabilities 1 and 0.

    Wu et al., arXiv 2405.00675, eq. 4.7; the paper asks a preference model for the probabilities.
    """
    half = 0.5 / beta
    return (pairs.ratios.chosen - half).square() + (pairs.ratios.rejected + half).square()


def _apo_zero(pairs: ScoredPairs, beta: float, _: float) -> _Losses:
    """Return 1 - sigmoid(beta r+) + sigmoid(beta r-) (D'Oosterlinck et al., arXiv 2408.06266, eq. 7)."""
    return (
        1 - torch.sigmoid(beta * pairs.ratios.chosen) + torch.sigmoid(beta * pairs.ratios.rejected)
    )


def _apo_down(pairs: ScoredPairs, beta: float, _: float) -> _Losses:
    """Return sigmoid(beta r+) + 1 - sigmoid(beta h) (arXiv 2408.06266, eq. 8)."""
    return torch.sigmoid(beta * pairs.ratios.chosen) + 1 - torch.sigmoid(beta * pairs.margins)


def _discopop(pairs: ScoredPairs, beta: float, _: float) -> _Losses:
    """Return the logistic and the exponential loss, blended (Lu et al., arXiv 2406.08414, eq. 5)."""
    logits = beta * pairs.margins
    share = torch.sigmoid(logits / _DISCOPOP_TAU)
    return -logsigmoid(logits) * (1 - share) + torch.exp(-logits) * share


def _aot(pairs: ScoredPairs, beta: float, smoothing: float) -> _Losses:
    """Return DPO's loss of the batch's sorted margins (AOT, Melnyk et al., arXiv 2406.05882)."""
    policy = (pairs.policy.chosen - pairs.policy.rejected).sort().values
    reference = (pairs.reference.chosen - pairs.reference.rejected).sort().values
    return _smoothed(beta * (policy - reference), smoothing)


def _aot_unpaired(pairs: ScoredPairs, beta: float, smoothing: float) -> _Losses:
    """Return DPO's loss of the batch's log-ratios, sorted apart (arXiv 2406.05882)."""
    chosen, rejected = pairs.ratios.chosen.sort().values, pairs.ratios.rejected.sort().values
    return _smoothed(beta * (chosen - rejected), smoothing)


def _smoothed(logits: _Losses, smoothing: float) -> _Losses:
    return -(1 - smoothing) * logsigmoid(logits) - smoothing * logsigmoid(-logits)


def _sft(pairs: ScoredPairs, _: float, __: float) -> _Losses:
    return chosen_nll(pairs).expand(len(pairs.policy.chosen))


PAIR_LOSSES: dict[str, Callable[[ScoredPairs, float, float], _Losses]] = {
    "sigmoid": _sigmoid,
    "hinge": _hinge,
    "ipo": _ipo,
    "exo_pair": _exo_pair,
    "nca_pair": _nca_pair,
    "robust": _robust,
    "bco_pair": _bco_pair,
    "sppo_hard": _sppo_hard,
    "aot": _aot,
    "aot_unpaired": _aot_unpaired,
    "apo_zero": _apo_zero,
    "apo_down": _apo_down,
    "discopop": _discopop,
    "sft": _sft,
    "sigmoid_norm": _sigmoid_norm,
}
