"""A training run from its first step to its end, or to where it goes wrong."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from storage.input_error import InputError
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_log import DivergedError, TrainingLog
from tasks.training.run.training_result import TrainingResult

if TYPE_CHECKING:
    from transformers import Trainer


def require_rows(num_rows: int, num_dropped: int, what: str) -> None:
    """Check that there is something to train on; `what` names the rows.

    Raises:
        InputError: no row is left.
    """
    if num_rows == 0:
        given = f"{num_dropped} were given and none" if num_dropped else "none was given, so none"
        raise InputError(
            f"there are no {what} to train on: {given} has a completion that fits the token "
            "limits. Raise max_tokens, or give an artifact that has rows in split train"
        )


@contextmanager
def run_directory(files: RunFiles) -> Iterator[str]:
    """Yield the directory in which transformers writes: that of the run's checkpoints, or a new one.

    A new one is removed afterwards.
    """
    if files.checkpoints is not None:
        files.checkpoints.mkdir(parents=True, exist_ok=True)
        yield str(files.checkpoints)
        return
    with tempfile.TemporaryDirectory(prefix="prefline-training-") as directory:
        yield directory


def run(
    trainer: "Trainer", log: TrainingLog, files: RunFiles, *, num_rows: int, num_dropped: int
) -> TrainingResult:
    """Train and return how it went; afterwards the model holds the last good weights."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # the log tells the caller, not the terminal
    started = time.monotonic()
    try:
        trainer.train()
    except DivergedError:
        log.stop("diverged", trainer.state.global_step)
    return TrainingResult(
        num_rows=num_rows,
        num_dropped=num_dropped,
        num_steps=trainer.state.global_step if log.kept_step is None else log.kept_step,
        num_tokens=int(trainer.state.num_input_tokens_seen),
        train_seconds=time.monotonic() - started,
        stop_reason=log.stop_reason,
        steps=tuple(log.steps),
        completions=tuple(log.completions),
        stop_detail=log.stop_detail,
    )
