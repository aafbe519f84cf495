"""A training run from its first step to its end, or to where it goes wrong."""

import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.durable import make_directory
from storage.file_lock import is_locked, locked
from storage.input_error import InputError
from tasks.training.dropped_row import DroppedRow
from tasks.training.launch.ranks import is_first_rank
from tasks.training.params import TrainingParams
from tasks.training.run.checkpoint_directory import lock_path
from tasks.training.run.checkpoints import Checkpoints, InterruptedTrainingError, RunEndedError
from tasks.training.run.kl_watch import KLWatch
from tasks.training.run.processes import of_first
from tasks.training.run.run_files import RunFiles
from tasks.training.run.run_identity import run_identity
from tasks.training.run.step_check import refuse_bad_steps
from tasks.training.run.termination import termination_watched
from tasks.training.run.tied_weights import quiet_tied_weights
from tasks.training.run.trackers import keep_tensorboard_files, report_measured
from tasks.training.run.training_log import DivergedError, TrainingLog
from tasks.training.run.training_result import TrainingResult

if TYPE_CHECKING:
    from transformers import Trainer

_LOG = logging.getLogger(__name__)


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

    The run's is held by a lock. Where another process holds it, which does the same work at this
    time, and where nothing is to be kept, it is a new one without checkpoints, removed afterwards.
    Of several processes that train together the first holds the lock for all.
    """
    with ExitStack() as stack:
        if files.checkpoints is not None and not is_first_rank():
            yield str(files.checkpoints)
        elif files.checkpoints is not None and _is_free(files.checkpoints):
            stack.enter_context(locked(lock_path(files.checkpoints)))
            make_directory(files.checkpoints)
            yield str(files.checkpoints)
        else:
            prefix = "prefline-training-"
            yield stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix))


def _is_free(checkpoints: Path) -> bool:
    make_directory(checkpoints.parent)
    if not is_locked(lock_path(checkpoints)):
        return True
    _LOG.warning(
        "another process does the same work and keeps its checkpoints in %s; this one keeps none",
        checkpoints,
    )
    return False


def run(
    trainer: "Trainer",
    log: TrainingLog,
    files: RunFiles,
    *,
    params: TrainingParams,
    num_rows: int,
    dropped: Sequence[DroppedRow] = (),
) -> TrainingResult:
    """Train and return how it went; afterwards the model holds the last good weights.

    Training goes on from the checkpoint of an interrupted run of the same work, if `run_directory`
    has one. All callbacks must have been added.

    Raises:
        InterruptedTrainingError: SIGTERM came; a checkpoint of the last step was written.
    """
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # the log tells the caller, not the terminal
    keep_tensorboard_files(trainer)
    report_measured(trainer, log)
    refuse_bad_steps(trainer, params.stop_grad_norm)
    started = time.monotonic()
    try:
        directory = files.checkpoints
        if directory is not None and of_first(
            trainer.args.output_dir == str(directory), trainer.args.device
        ):
            identity = run_identity(
                params,
                files.start,
                num_rows=num_rows,
                num_dropped=len(dropped),
                references=(files.self_reference, files.negative_reference),
            )
            _train_resumably(trainer, log, directory, identity, every=params.checkpoint_every)
        else:
            trainer.train()
    except (DivergedError, RunEndedError) as error:
        if isinstance(error, DivergedError):
            log.stop("diverged", _put_back(trainer), str(error))
        # the trackers' last word, which an exception keeps from them
        trainer.callback_handler.on_train_end(trainer.args, trainer.state, trainer.control)
    return TrainingResult(
        num_rows=num_rows,
        dropped=tuple(dropped),
        num_steps=trainer.state.global_step if log.kept_step is None else log.kept_step,
        num_tokens=int(trainer.state.num_input_tokens_seen),
        train_seconds=log.seconds + time.monotonic() - started,
        stop_reason=log.stop_reason,
        steps=tuple(log.steps),
        completions=tuple(log.completions),
        stop_detail=log.stop_detail,
    )


def _train_resumably(
    trainer: "Trainer", log: TrainingLog, directory: Path, identity: dict[str, Any], *, every: int
) -> None:
    """Train with checkpoints in the trainer's own directory, from the newest one there."""
    with termination_watched() as termination, quiet_tied_weights():
        checkpoints = Checkpoints(
            trainer, directory, identity, log, every=every, termination=termination
        )
        trainer.add_callback(checkpoints)
        checkpoint = checkpoints.take_up()
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        if checkpoints.is_interrupted:
            error = InterruptedTrainingError(
                f"training was asked to end (SIGTERM) and stopped after step "
                f"{trainer.state.global_step} of {trainer.state.max_steps}; the same work goes on "
                f"from there, with the checkpoint in {directory}, when it is started again"
            )
            _LOG.warning("%s", error)  # what handled the signal before may end the process
            raise error


def _put_back(trainer: "Trainer") -> int:
    """Return the step of the last good weights, which the model then holds.

    Those of a KL watch, if there is one: what led to a bad step may lie beyond its limits already.
    """
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, KLWatch):
            callback.put_back()
            return callback.good_step
    return trainer.state.global_step
