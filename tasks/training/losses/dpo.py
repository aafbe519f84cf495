"""Direct preference optimization (Rafailov et al., arXiv 2305.18290)."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid


@dataclass(frozen=True, slots=True)
class PairLogps:
    """Log-probabilities of both answers of each pair in nats, summed over their tokens."""

    chosen: Float[Tensor, " batch"]
    rejected: Float[Tensor, " batch"]


@dataclass(frozen=True, slots=True)
class PairLengths:
    """How many tokens both answers of each pair have, at least one."""

    chosen: Int[Tensor, " batch"]
    rejected: Int[Tensor, " batch"]


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Both answers of each pair as the policy and the reference score them."""

    policy: PairLogps
    reference: PairLogps
    lengths: PairLengths

    @property
    def ratios(self) -> PairLogps:
        """log(pi / pi_ref) of both answers."""
        return PairLogps(
            chosen=self.policy.chosen - self.reference.chosen,
            rejected=self.policy.rejected - self.reference.rejected,
        )

    @property
    def margins(self) -> Float[Tensor, " batch"]:
        """The log-ratio of the chosen answer minus that of the rejected one."""
        return self.ratios.chosen - self.ratios.rejected

    def per_token(self) -> "ScoredPairs":
        """Return the pairs with mean log-probabilities per token in place of sums."""
        return ScoredPairs(
            policy=_means(self.policy, self.lengths),
            reference=_means(self.reference, self.lengths),
            lengths=self.lengths,
        )


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


def _means(logps: PairLogps, lengths: PairLengths) -> PairLogps:
    return PairLogps(
        chosen=logps.chosen / lengths.chosen, rejected=logps.rejected / lengths.rejected
    )
