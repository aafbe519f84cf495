"""Direct preference optimization (Rafailov et al., arXiv 2305.18290)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid


@dataclass(frozen=True, slots=True)
class PairLogps:
    """Log-probabilities of both answers of each pair in nats, summed over their tokens."""

    chosen: Float[Tensor, " batch"]
    rejected: Float[Tensor, " batch"]


@dataclass(frozen=True, slots=True)
class PairLoss:
    """The loss of each pair and its rewards; the rewards are detached, they are for logging."""

    losses: Float[Tensor, " batch"]
    chosen_rewards: Float[Tensor, " batch"]
    rejected_rewards: Float[Tensor, " batch"]


def dpo_loss(
    policy: PairLogps, reference: PairLogps, *, beta: float, label_smoothing: float = 0.0
) -> PairLoss:
    """Return the DPO loss of each pair.

    With h = log(pi/pi_ref)(chosen) - log(pi/pi_ref)(rejected) the loss is
    -log sigmoid(beta * h), eq. 7. `label_smoothing` is the assumed share of flipped labels:
    0 gives plain DPO, more gives conservative DPO (Mitchell 2023, eq. 3).
    """
    chosen_logratios = policy.chosen - reference.chosen
    rejected_logratios = policy.rejected - reference.rejected
    logits = beta * (chosen_logratios - rejected_logratios)
    losses = -(1 - label_smoothing) * logsigmoid(logits) - label_smoothing * logsigmoid(-logits)
    return PairLoss(
        losses=losses,
        chosen_rewards=beta * chosen_logratios.detach(),
        rejected_rewards=beta * rejected_logratios.detach(),
    )
