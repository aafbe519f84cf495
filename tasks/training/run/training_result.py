"""What training tells about itself."""

from dataclasses import dataclass
from typing import Literal

from storage.tables.completions import Completion
from tasks.training.dropped_row import DroppedRow

StopReason = Literal["finished", "kl_budget", "diverged", "no_improvement"]


@dataclass(frozen=True, slots=True)
class StepMetric:
    """One metric at one optimizer step, counted from 1; 0 is before the first."""

    step: int
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class StepCompletion:
    """An answer that the policy gave in training, after optimizer step `step`.

    The completion's own `policy` is empty: weights on their way have no id.
    """

    step: int
    completion: Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """How a training run went; its weights lie in the directory that the caller named.

    `num_rows` were trained on; of the `dropped` ones no token of an answer fits the token limits.
    `num_steps` is the step whose weights were kept: with `stop_reason` kl_budget or diverged it
    lies before the steps that went wrong, which `steps` still shows; `stop_detail` says what went
    wrong, with its figure. `num_tokens` counts tokens
    that passed through the policy in training, padding excluded.
    """

    num_rows: int
    num_steps: int
    num_tokens: int
    train_seconds: float
    stop_reason: StopReason
    steps: tuple[StepMetric, ...]
    dropped: tuple[DroppedRow, ...] = ()
    completions: tuple[StepCompletion, ...] = ()
    stop_detail: str = ""

    @property
    def num_dropped(self) -> int:
        """How many rows could not be trained on."""
        return len(self.dropped)
