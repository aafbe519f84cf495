"""Ends training when the loss on held-out demonstrations falls no more."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from typing_extensions import override

from tasks.training.adapters.trainable_state import restore_trainable, trainable_state
from tasks.training.run.processes import of_first
from tasks.training.run.training_log import TrainingLog
from tasks.training.sft.packed_reading import readable
from tasks.training.sft.params import SFTParams


class EarlyStopping(TrainerCallback):
    """Measures the held-out loss every few steps, logs it as `eval_loss`, and keeps the best weights.

    The start counts as a measurement, and there is one after the last step. `best_step` is where
    the loss was lowest. Several processes measure the same and decide by the first one's figure.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        batches: Sequence[dict[str, Tensor]],
        params: SFTParams,
        log: TrainingLog,
        *,
        bf16: bool,
    ) -> None:
        self.best_step = 0
        self._model = model
        self._best_loss = math.inf
        self._best: dict[str, Tensor] = {}
        self._num_worse = 0
        self._batches = batches
        self._params = params
        self._log = log
        self._bf16 = bf16

    @override
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure the start, unless an interrupted run goes on."""
        if state.global_step == 0:
            self._measure(0, args.device)

    @override
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure where it is time to; stop after `patience` measurements that were not better."""
        if state.global_step % self._params.eval_every and state.global_step < state.max_steps:
            return
        self._measure(state.global_step, args.device)
        if self._params.patience and self._num_worse >= self._params.patience:
            detail = (
                f"the held-out loss was lowest at step {self.best_step}, "
                f"{self._best_loss:.4f} nats per token, and not lower in the "
                f"{self._num_worse} evaluations since"
            )
            self._log.stop("no_improvement", self.best_step, detail)
            control.should_training_stop = True

    def put_back_best(self) -> None:
        """Give the model the weights of `best_step`."""
        restore_trainable(self._model, self._best)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return {
            "best_step": self.best_step,
            "best_loss": self._best_loss,
            "num_worse": self._num_worse,
            "best": self._best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned before the interruption."""
        self.best_step = state["best_step"]
        self._best_loss = state["best_loss"]
        self._num_worse = state["num_worse"]
        self._best = state["best"]

    def _measure(self, step: int, device: torch.device) -> None:
        loss = of_first(held_out_loss(self._model, self._batches, bf16=self._bf16), device)
        self._log.add_measured(step, "eval_loss", loss)
        if loss < self._best_loss:
            self._best_loss, self.best_step, self._num_worse = loss, step, 0
            self._best = trainable_state(self._model)
        else:
            self._num_worse += 1


def held_out_loss(
    model: torch.nn.Module, batches: Sequence[dict[str, Tensor]], *, bf16: bool
) -> float:
    """Return the mean cross-entropy of all labels in nats per token, in training's arithmetic."""
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    nats, num_tokens = 0.0, 0
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        for batch in batches:
            inputs = {name: value.to(device) for name, value in batch.items()}
            targets = inputs.pop("labels")[:, 1:]
            logits = model(**readable(inputs)).logits[:, :-1].float()
            nats += float(cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"))
            num_tokens += int((targets >= 0).sum())
    model.train(training)
    return nats / max(num_tokens, 1)
