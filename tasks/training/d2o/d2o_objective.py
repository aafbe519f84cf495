"""The D2O loss as an objective of the preference trainer."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tasks.training.d2o.dispreference_batch import anchor_mask, by_example
from tasks.training.d2o.params import D2OLossParams
from tasks.training.losses.d2o import d2o_loss
from tasks.training.preference.preference_trainer import PreferenceStep


@dataclass(frozen=True, slots=True)
class D2OObjective:
    """The mean D2O loss of prompts whose responses are self-samples and, last, the negative.

    Metrics: `d2o/positive_term`, `d2o/negative_term` and `d2o/margin` (their difference, inside the
    sigmoid), which TRL would call `rewards/chosen`, `rewards/rejected` and `rewards/margins` and which
    are there under these names too; `rewards/accuracies`, the share of margins above 0;
    `d2o/beyond_cutoff`, the share beyond the margin cut-off, 0 without one; `logps/chosen`,
    `logps/rejected`; and `kl/forward`, the mean of log pi_ref - log pi over the self-samples: where
    they are the reference's it estimates KL(reference || policy), where they are the policy's own
    and fresh, minus KL(policy || reference).
    """

    params: D2OLossParams

    def __call__(
        self,
        policy: Tensor,
        reference: Tensor,
        num_responses: Tensor,
        response_lengths: Tensor,  # noqa: ARG002  - other losses divide by it
    ) -> PreferenceStep:
        """Return the step of log-probabilities [responses]."""
        logps = by_example(policy, num_responses)
        mask = anchor_mask(num_responses)
        loss = d2o_loss(
            logps,
            by_example(reference, num_responses),
            mask,
            alpha=self.params.alpha,
            beta=self.params.beta,
            margin_cutoff=self.params.margin_cutoff,
        )
        cutoff = self.params.margin_cutoff
        beyond = loss.margins > cutoff if cutoff else torch.zeros_like(loss.margins)
        metrics = {
            "d2o/positive_term": loss.positive_term,
            "d2o/negative_term": loss.negative_term,
            "d2o/margin": loss.margins,
            "d2o/beyond_cutoff": beyond.float(),
            "rewards/chosen": loss.positive_term,
            "rewards/rejected": loss.negative_term,
            "rewards/margins": loss.margins,
            "rewards/accuracies": (loss.margins > 0).float(),
            "kl/forward": loss.forward_kl,
            "logps/chosen": logps.anchors.detach()[mask],
            "logps/rejected": logps.negative.detach(),
        }
        return PreferenceStep(
            loss=loss.losses.mean(),
            metrics={metric: _mean(values) for metric, values in metrics.items()},
        )


def _mean(values: Tensor) -> float:
    """Return the mean, 0 of nothing."""
    return float(values.mean()) if values.numel() else 0.0
