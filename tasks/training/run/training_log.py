"""What happens during training, recorded and passed on."""

import time
from collections.abc import Iterable
from dataclasses import asdict
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
    "train_runtime",
    "train_tokens_per_second",
}
_SUMMARY = "train_loss"  # transformers logs it once, at the end
# transformers' name for what TRL calls num_tokens; TRL's trainers log both, which count alike
_NAMES = {"num_input_tokens_seen": "num_tokens"}


class DivergedError(ArithmeticError):
    """Training met a loss or gradient that would ruin the weights, which are those before it."""


class TrainingLog(TrainerCallback):
    """Collects the metrics of every step and tells the progress; what it holds outlives interruptions.

    `seconds` counts the training before the last interruption.
    """

    def __init__(self, progress: Progress) -> None:
        self.steps: list[StepMetric] = []
        self.completions: list[StepCompletion] = []
        self.stop_reason: StopReason = "finished"
        self.stop_detail = ""
        self.kept_step: int | None = None
        self.seconds = 0.0
        self._began = time.monotonic()
        self._first_step = 0
        self._progress = progress
        self._note = ""
        self._measured: dict[str, float] = {}
        self._handed_on: set[str] = set()

    @override
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Tell how many steps there will be, and how many are done."""
        self._began, self._first_step = time.monotonic(), state.global_step
        self._progress(state.global_step, state.max_steps)

    @override
    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Keep the numbers of this step; transformers' summary at the end is of no step."""
        logs = kwargs["logs"]
        if _SUMMARY in logs:
            return
        # transformers' count goes on after an interruption; TRL's own begins anew
        twice = _NAMES.values() if _NAMES.keys() <= logs.keys() else ()
        for metric, value in logs.items():
            if metric in twice or metric in self._handed_on:
                continue
            if metric not in _NOT_METRICS and isinstance(value, int | float):
                self.add(state.global_step, _NAMES.get(metric, metric), float(value))
        self._handed_on.clear()

    @override
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Tell how far training is, its loss and the time that is left."""
        done, left = state.global_step - self._first_step, state.max_steps - state.global_step
        seconds = (time.monotonic() - self._began) / max(done, 1) * left
        note = f"{self._note}, {duration(seconds)} left" if self._note else ""
        self._progress(state.global_step, state.max_steps, note)

    def state(self) -> dict[str, Any]:
        """Return all that was collected."""
        names = sorted({row.metric for row in self.steps})
        number = {name: index for index, name in enumerate(names)}
        return {
            "metrics": names,
            "step": torch.tensor([row.step for row in self.steps], dtype=torch.int64),
            "metric": torch.tensor([number[row.metric] for row in self.steps], dtype=torch.int64),
            "value": torch.tensor([row.value for row in self.steps], dtype=torch.float64),
            "completions": [
                {"step": row.step, "completion": asdict(row.completion)} for row in self.completions
            ],
            "stop_reason": self.stop_reason,
            "stop_detail": self.stop_detail,
            "kept_step": self.kept_step,
            "seconds": self.seconds + time.monotonic() - self._began,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what an interrupted run had collected."""
        columns = (state[name].tolist() for name in ("step", "metric", "value"))
        self.steps = [
            StepMetric(step=step, metric=state["metrics"][metric], value=value)
            for step, metric, value in zip(*columns, strict=True)
        ]
        self.completions = [
            StepCompletion(row["step"], Completion(**row["completion"]))
            for row in state["completions"]
        ]
        self.stop_reason = state["stop_reason"]
        self.stop_detail = state["stop_detail"]
        self.kept_step = state["kept_step"]
        self.seconds = state["seconds"]

    def add(self, step: int, metric: str, value: float) -> None:
        """Keep one metric; a step's loss becomes the note of the progress."""
        self.steps.append(StepMetric(step=step, metric=metric, value=value))
        if metric == "loss":
            self._note = f"loss {value:.3f}"

    def add_measured(self, step: int, metric: str, value: float) -> None:
        """Keep a metric that a callback measured beside the trainer's own."""
        self.add(step, metric, value)
        self._measured[metric] = value

    def hand_on_measured(self) -> dict[str, float]:
        """Return what was measured since the last time, for trackers; it is not kept twice."""
        measured, self._measured = self._measured, {}
        self._handed_on |= measured.keys()
        return measured

    def keep(self, step: int, completions: Iterable[Completion]) -> None:
        """Keep what the policy in training answered after this step."""
        self.completions += [StepCompletion(step, completion) for completion in completions]

    def stop(self, reason: StopReason, kept_step: int, detail: str = "") -> None:
        """Note why training ended early and which step's weights are kept."""
        self.stop_reason = reason
        self.stop_detail = detail
        self.kept_step = kept_step


def duration(seconds: float) -> str:
    """Return a time span in its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
