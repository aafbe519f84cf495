"""What happens during training, recorded and passed on."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from typing_extensions import override

from storage.tables.completions import Completion
from tasks.progress import Progress
from tasks.training.run.training_result import StepCompletion, StepMetric, StopReason

_NOT_METRICS = {
    "epoch",
    "step",
    "total_flos",
    "train_loss",
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
    "train_tokens_per_second",
}
# transformers' name for what TRL calls num_tokens; TRL's trainers log both, which count the same
_NAMES = {"num_input_tokens_seen": "num_tokens"}


class DivergedError(ArithmeticError):
    """Training met a gradient that is not finite; the weights are those before it."""


class TrainingLog(TrainerCallback):
    """Collects the metrics of every step, tells the progress, and stops a diverging run."""

    def __init__(self, progress: Progress) -> None:
        self.steps: list[StepMetric] = []
        self.completions: list[StepCompletion] = []
        self.stop_reason: StopReason = "finished"
        self.stop_detail = ""
        self.kept_step: int | None = None
        self._progress = progress
        self._note = ""

    @override
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Tell how many steps there will be."""
        self._progress(0, state.max_steps)

    @override
    def on_pre_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Refuse to step along a gradient that is not finite.

        Raises:
            DivergedError: the norm of all gradients is NaN or infinite.
        """
        parameters = kwargs["model"].parameters()
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients))
        if not math.isfinite(norm):
            raise DivergedError(f"the gradient of step {state.global_step + 1} has norm {norm}")

    @override
    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Keep the numbers of this step."""
        for metric, value in kwargs["logs"].items():
            if metric not in _NOT_METRICS and isinstance(value, int | float):
                self.add(state.global_step, _NAMES.get(metric, metric), float(value))

    @override
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Tell how far training is."""
        self._progress(state.global_step, state.max_steps, self._note)

    def add(self, step: int, metric: str, value: float) -> None:
        """Keep one metric; a step's loss becomes the note of the progress."""
        self.steps.append(StepMetric(step=step, metric=metric, value=value))
        if metric == "loss":
            self._note = f"loss {value:.3f}"

    def keep(self, step: int, completions: Iterable[Completion]) -> None:
        """Keep what the policy in training answered after this step."""
        self.completions += [StepCompletion(step, completion) for completion in completions]

    def stop(self, reason: StopReason, kept_step: int, detail: str = "") -> None:
        """Note why training ended early and which step's weights are kept."""
        self.stop_reason = reason
        self.stop_detail = detail
        self.kept_step = kept_step
