"""Keeps a policy that learns from its answers within its KL budget."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from typing_extensions import override

from tasks.training.adapters.trainable_state import restore_trainable, trainable_state
from tasks.training.run.training_log import TrainingLog


class AnswersBudget(TrainerCallback):
    """Remembers the last weights whose answers were within the budget, and ends the training.

    The answers of each iteration measure the weights that gave them, before these learn from them.
    Weights beyond the budget are replaced after the step that is then under way. `measure` lets
    the policy answer once more after the last step, so that no weights are kept unmeasured.
    """

    def __init__(self, max_kl: float, log: TrainingLog, measure: Callable[[], None]) -> None:
        self._max_kl = max_kl
        self._log = log
        self._measure = measure
        self._good: dict[str, Tensor] = {}
        self._good_step = 0
        self._beyond: float | None = None

    def answered(self, model: torch.nn.Module, step: int, kl: float) -> None:
        """Judge the weights of `step`, whose answers have this KL in nats per answer."""
        if kl <= self._max_kl:
            self._good, self._good_step = trainable_state(model), step
        else:
            self._beyond = kl

    def state(self) -> dict[str, Any]:
        """Return the weights that are remembered."""
        return {"step": self._good_step, "weights": self._good}

    def restore(self, state: dict[str, Any]) -> None:
        """Remember what an interrupted run had remembered."""
        self._good, self._good_step = state["weights"], state["step"]

    @override
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember the weights that training starts from."""
        if not self._good:
            self._good = trainable_state(kwargs["model"])

    @override
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the last good weights back where the budget was broken."""
        if self._beyond is not None:
            self._put_back(kwargs["model"], self._beyond)
            control.should_training_stop = True

    @override
    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure the last weights, unless training went wrong or was interrupted."""
        if self._log.kept_step is not None or state.global_step < state.max_steps:
            return
        self._measure()
        if self._beyond is not None:
            self._put_back(kwargs["model"], self._beyond)

    def _put_back(self, model: torch.nn.Module, kl: float) -> None:
        restore_trainable(model, self._good)
        if math.isfinite(kl):
            detail = f"KL {kl:.3g} nats per answer, beyond max_kl ({self._max_kl:g})"
            self._log.stop("kl_budget", self._good_step, detail)
        else:
            self._log.stop("diverged", self._good_step, f"KL {kl} nats per answer")
