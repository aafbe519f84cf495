"""The DPO loss as an objective of the preference trainer."""

from dataclasses import dataclass

from torch import Tensor

from tasks.training.dpo.params import DPOLossParams
from tasks.training.losses.dpo import PairLogps, dpo_loss
from tasks.training.preference.preference_trainer import PreferenceStep


@dataclass(frozen=True, slots=True)
class DPOObjective:
    """The mean DPO loss (sigmoid) of prompts with two responses, the chosen one first.

    The metrics have TRL's names and meaning.
    """

    params: DPOLossParams

    def __call__(self, policy: Tensor, reference: Tensor, num_responses: Tensor) -> PreferenceStep:
        """Return the step of log-probabilities [2 * prompts].

        Raises:
            ValueError: a prompt has not two responses.
        """
        if len(policy) != 2 * len(num_responses):
            raise ValueError(
                f"{len(num_responses)} prompts have {len(policy)} responses; DPO needs two of each"
            )
        logps = _pairs(policy)
        loss = dpo_loss(
            logps,
            _pairs(reference),
            beta=self.params.beta,
            label_smoothing=self.params.label_smoothing,
        )
        margins = loss.chosen_rewards - loss.rejected_rewards
        metrics = {
            "rewards/chosen": loss.chosen_rewards,
            "rewards/rejected": loss.rejected_rewards,
            "rewards/accuracies": (margins > 0).float(),
            "rewards/margins": margins,
            "logps/chosen": logps.chosen.detach(),
            "logps/rejected": logps.rejected.detach(),
        }
        return PreferenceStep(
            loss=loss.losses.mean(),
            metrics={metric: float(values.mean()) for metric, values in metrics.items()},
        )


def _pairs(logps: Tensor) -> PairLogps:
    chosen, rejected = logps.unflatten(0, (-1, 2)).unbind(dim=1)
    return PairLogps(chosen=chosen, rejected=rejected)
