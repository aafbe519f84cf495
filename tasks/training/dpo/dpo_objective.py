"""The losses on pairs as an objective of the preference trainer."""

from dataclasses import dataclass

from torch import Tensor

from tasks.training.dpo.params import DPOLossParams
from tasks.training.losses.dpo import PairLengths, PairLogps, ScoredPairs
from tasks.training.losses.pair_losses import chosen_nll, pair_loss
from tasks.training.preference.preference_trainer import PreferenceStep


@dataclass(frozen=True, slots=True)
class DPOObjective:
    """The mean loss of prompts with two responses, the chosen one first.

    The metrics have TRL's names and meaning; `nll_loss` is the SFT term without its weight.
    """

    params: DPOLossParams

    def __call__(
        self,
        policy: Tensor,
        reference: Tensor,
        num_responses: Tensor,
        response_lengths: Tensor,
    ) -> PreferenceStep:
        """Return the step of log-probabilities [2 * prompts].

        Raises:
            ValueError: a prompt has not two responses.
        """
        if len(policy) != 2 * len(num_responses):
            raise ValueError(
                f"{len(num_responses)} prompts have {len(policy)} responses; DPO needs two of each"
            )
        chosen_lengths, rejected_lengths = _halves(response_lengths)
        pairs = ScoredPairs(
            policy=PairLogps(*_halves(policy)),
            reference=PairLogps(*_halves(reference)),
            lengths=PairLengths(chosen=chosen_lengths, rejected=rejected_lengths),
        )
        return self._step(pairs)

    def _step(self, pairs: ScoredPairs) -> PreferenceStep:
        result = pair_loss(
            self.params.loss_type,
            pairs,
            beta=self.params.beta,
            label_smoothing=self.params.label_smoothing,
            length_normalised=self.params.length_normalised,
        )
        loss = result.losses.mean()
        margins = result.chosen_rewards - result.rejected_rewards
        metrics = {
            "rewards/chosen": result.chosen_rewards,
            "rewards/rejected": result.rejected_rewards,
            "rewards/accuracies": (margins > 0).float(),
            "rewards/margins": margins,
            "logps/chosen": pairs.policy.chosen.detach(),
            "logps/rejected": pairs.policy.rejected.detach(),
        }
        if self.params.sft_weight > 0:
            nll = chosen_nll(pairs)
            loss = loss + self.params.sft_weight * nll
            metrics["nll_loss"] = nll.detach()
        return PreferenceStep(
            loss=loss,
            metrics={metric: float(values.mean()) for metric, values in metrics.items()},
        )


def _halves(of_responses: Tensor) -> tuple[Tensor, Tensor]:
    """Return what belongs to the chosen and to the rejected responses, [prompts] each."""
    chosen, rejected = of_responses.unflatten(0, (-1, 2)).unbind(dim=1)
    return chosen, rejected
