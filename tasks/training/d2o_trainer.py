"""transformers' Trainer with the D2O loss."""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer
from typing_extensions import override

from tasks.sampling.logps import per_token_logps
from tasks.training.dispreference_batch import anchor_mask, by_example, token_batch
from tasks.training.losses.d2o import DispreferenceLoss, d2o_loss
from tasks.training.params import D2OParams


class D2OTrainer(Trainer):
    """Minimises the D2O loss on batches of `DispreferenceCollator`.

    Logs, besides the loss: `rewards/chosen` (the positive term), `rewards/rejected` (the negative
    term), `rewards/margins`, `rewards/accuracies`, `logps/chosen`, `logps/rejected` and
    `kl/forward`, the mean of log pi_ref - log pi over the self-samples.
    """

    def __init__(self, *, params: D2OParams, **trainer: Any) -> None:
        super().__init__(**trainer)
        self._params = params
        self._metrics: dict[str, list[float]] = defaultdict(list)

    @override
    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Return the mean loss of the batch's prompts, each of the same weight."""
        num_anchors = inputs["num_anchors"]
        logps = per_token_logps(model, token_batch(inputs)).sum(dim=1)
        policy = by_example(logps, num_anchors)
        mask = anchor_mask(num_anchors)
        loss = d2o_loss(
            policy,
            by_example(inputs["ref_logps"], num_anchors),
            mask,
            alpha=self._params.alpha,
            beta=self._params.beta,
            margin_cutoff=self._params.margin_cutoff,
        )
        self._record(loss)
        self._metrics["logps/chosen"].append(_mean(policy.anchors.detach()[mask]))
        self._metrics["logps/rejected"].append(_mean(policy.negative.detach()))
        return loss.losses.mean()

    @override
    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the metrics since the last time together with `logs`."""
        means = {key: sum(values) / len(values) for key, values in self._metrics.items()}
        self._metrics.clear()
        super().log({**logs, **means}, start_time)

    def _record(self, loss: DispreferenceLoss) -> None:
        for metric, values in {
            "rewards/chosen": loss.positive_term,
            "rewards/rejected": loss.negative_term,
            "rewards/margins": loss.margins,
            "rewards/accuracies": (loss.margins > 0).float(),
            "kl/forward": loss.forward_kl,
        }.items():
            self._metrics[metric].append(_mean(values))


def _mean(values: Tensor) -> float:
    """Return the mean, 0 of nothing."""
    return float(values.mean()) if values.numel() else 0.0
