"""transformers' Trainer for losses over any number of responses per prompt."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from typing_extensions import override

from tasks.training.launch.rank_share import RankShareTrainer
from tasks.training.preference.preference_engine import PreferenceEngine


@dataclass(frozen=True, slots=True)
class PreferenceStep:
    """The loss of a batch, with gradients, and what is logged about it."""

    loss: Tensor
    metrics: dict[str, float]


class PreferenceObjective(Protocol):
    """A loss on the responses' log-probabilities."""

    def __call__(
        self,
        policy: Tensor,
        reference: Tensor,
        num_responses: Tensor,
        response_lengths: Tensor,
    ) -> PreferenceStep:
        """Return the step of log-probabilities [responses], `num_responses` of each prompt.

        `response_lengths` [responses] counts each one's tokens, the end token included.
        """
        ...


class PreferenceTrainer(RankShareTrainer):
    """Minimises an objective on batches of the engine that made them.

    Reference log-probabilities come with the batches. Everything else (precision, accumulation,
    checkpoints, distribution) is transformers'. Beside the objective's metrics it logs
    `response_length`, the mean tokens of a response, and `entropy` as in `WatchedLogps`. Logged
    metrics are means over the batches since the last time, of all processes.
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
        policy = self._engine.watched_logps(model, inputs)
        lengths = inputs["response_lengths"]
        step = self._objective(policy.logps, inputs["ref_logps"], inputs["num_responses"], lengths)
        watched = {
            "entropy": float(policy.entropy),
            "response_length": float(lengths.float().mean()),
        }
        for metric, value in {**step.metrics, **watched}.items():
            self._metrics[metric].append(value * self.rank_weight)
        return step.loss * self.rank_weight

    @override
    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the metrics since the last time together with `logs`."""
        means = {key: sum(values) / len(values) for key, values in self._metrics.items()}
        self._metrics.clear()
        super().log({**logs, **means}, start_time)  # whose means are those of all processes
