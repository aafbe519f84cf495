"""transformers' Trainer for losses over any number of responses per prompt."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import Trainer
from typing_extensions import override

from tasks.training.preference.preference_engine import PreferenceEngine


@dataclass(frozen=True, slots=True)
class PreferenceStep:
    """The loss of a batch, with gradients, and what is logged about it."""

    loss: Tensor
    metrics: dict[str, float]


class PreferenceObjective(Protocol):
    """A loss on the responses' log-probabilities."""

    def __call__(self, policy: Tensor, reference: Tensor, num_responses: Tensor) -> PreferenceStep:
        """Return the step of log-probabilities [responses], `num_responses` of each prompt."""
        ...


class PreferenceTrainer(Trainer):
    """Minimises an objective on batches of the engine that made them.

    Reference log-probabilities come with the batches. Everything else (precision, accumulation,
    checkpoints, distribution) is transformers'. Logged metrics are means over the batches since
    the last time.
    """

    def __init__(
        self, *, objective: PreferenceObjective, engine: PreferenceEngine, **trainer: Any
    ) -> None:
        super().__init__(data_collator=engine.collate, **trainer)
        self._objective = objective
        self._engine = engine
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
        policy = self._engine.logps(model, inputs)
        step = self._objective(policy, inputs["ref_logps"], inputs["num_responses"])
        for metric, value in step.metrics.items():
            self._metrics[metric].append(value)
        return step.loss

    @override
    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the metrics since the last time together with `logs`."""
        means = {key: sum(values) / len(values) for key, values in self._metrics.items()}
        self._metrics.clear()
        super().log({**logs, **means}, start_time)
