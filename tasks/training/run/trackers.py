"""Trackers that receive the metrics of a run beside the store."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.input_error import InputError

if TYPE_CHECKING:
    from transformers import Trainer

    from tasks.training.run.training_log import TrainingLog


def require_trackers(names: Sequence[str]) -> list[str]:
    """Return the names of trackers as transformers wants them.

    Raises:
        InputError: one of them is not installed.
    """
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise InputError(
            f"report_to names {', '.join(missing)}, which is not installed here: run "
            'pip install -e ".[trackers]" in the checkout, or leave it out of report_to'
        )
    return list(names)


def report_measured(trainer: "Trainer", log: "TrainingLog") -> None:
    """Have the trackers of a trainer, if it has any, receive what callbacks measured, such as the KL."""
    if not trainer.args.report_to:
        return
    report = trainer.log

    def with_measured(logs: dict[str, float], *rest: Any, **named: Any) -> None:
        report({**logs, **log.hand_on_measured()}, *rest, **named)

    trainer.log = with_measured  # type: ignore[method-assign]  # it has no hook before trackers


def keep_tensorboard_files(trainer: "Trainer") -> None:
    """Have TensorBoard's files written to `runs/` here, where TENSORBOARD_LOGGING_DIR names no other.

    transformers puts them beside its checkpoints, which are removed after the run.
    """
    if "tensorboard" not in (trainer.args.report_to or ()):
        return
    from transformers.integrations.integration_utils import TensorBoardCallback

    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TensorBoardCallback) and callback.logging_dir is None:
            started = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
            callback.logging_dir = str(Path("runs", f"{trainer.args.run_name}-{started}"))
