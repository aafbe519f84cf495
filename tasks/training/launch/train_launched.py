"""Training under accelerate's launcher, in processes of its own."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storage.input_error import InputError
from tasks.training.launch.check_launch import check_launch
from tasks.training.launch.job import Job
from tasks.training.launch.launch_config import LaunchConfig, read_launch_config
from tasks.training.launch.launcher import launched
from tasks.training.launch.outcome import read_input_error, read_result
from tasks.training.launch.told_log import tell_log
from tasks.training.launch.told_progress import ToldProgress
from tasks.training.launch.train_where_asked import Method
from tasks.training.params import TrainingParams
from tasks.training.run.checkpoints import InterruptedTrainingError
from tasks.training.run.run_files import RunFiles
from tasks.training.run.termination import termination_watched
from tasks.training.run.training_result import TrainingResult

SHARED = "PREFLINE_LAUNCH_DIRECTORY"
_SECONDS_BETWEEN_LOOKS = 0.1
_LOG = logging.getLogger(__name__)


def train_launched(
    method: Method, rows: Sequence[Any], params: TrainingParams, files: RunFiles
) -> TrainingResult:
    """Return how the training of `method` went in the processes that `params.launch` asks for.

    They train as one process would on the same rows: the batch size is that of all of them, every
    row counts once an epoch, and rounding aside the weights are the same. Only the engine `trl` has
    loaders of its own, which fill up the last batch of an epoch with rows of its start. Progress
    reaches `files.progress` as it does in this process, and what is logged is logged here at the end. SIGTERM is passed on to them, so that they write
    a checkpoint, and then taken here; they end when this process does.

    Raises:
        InputError: as the method, or the launch cannot be, or does not go with the parameters.
        InterruptedTrainingError: SIGTERM came; the processes wrote a checkpoint, if they keep any.
        RuntimeError: a process failed; the message ends with its last lines.
    """
    config = read_launch_config(params)
    check_launch(method, params, config)
    if config.on_cpu:
        params = params.model_copy(update={"device": "cpu"})
    with _job_directory(config) as directory:
        Job(method=method, rows=rows, params=params, files=files).write(directory)
        if config.num_machines > 1:
            _tell_other_machines(params.launch, config, directory)
        return _result(directory, config, files)


def _result(directory: Path, config: LaunchConfig, files: RunFiles) -> TrainingResult:
    told = ToldProgress(directory, files.progress)
    with termination_watched() as termination, launched(directory, config) as launcher:
        is_passed_on = False
        while launcher.runs():
            if termination.is_asked and not is_passed_on:
                launcher.ask_to_stop()
                is_passed_on = True
            told.tell()
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        told.tell()
        tell_log(directory)
        result = read_result(directory)
        if result is None and is_passed_on:
            raise InterruptedTrainingError(
                f"training under launch {config.name!r} was asked to end (SIGTERM) and its processes "
                "stopped; the same work goes on from its last checkpoint when it is started again"
            )
    message = read_input_error(directory)
    if message is not None:
        raise InputError(message)
    if result is None:
        raise RuntimeError(
            f"training under launch {config.name!r} ({config.num_processes} processes) ended with "
            f"code {launcher.process.returncode} and no result. Its last lines:\n"
            f"{launcher.why_it_failed()}"
        )
    return result


@contextmanager
def _job_directory(config: LaunchConfig) -> Iterator[Path]:
    """Yield a new directory, where all machines reach it if there are several; then remove it.

    Raises:
        InputError: there are several machines, and none is named that they share.
    """
    shared = os.environ.get(SHARED) if config.num_machines > 1 else None
    if config.num_machines > 1 and not shared:
        raise InputError(
            f"launch {config.name!r} is for {config.num_machines} machines, and {SHARED} is not set. "
            "Set it to a directory that all of them share"
        )
    with tempfile.TemporaryDirectory(prefix="prefline-launch-", dir=shared) as directory:
        yield Path(directory).resolve()


def _tell_other_machines(launch: str, config: LaunchConfig, directory: Path) -> None:
    """Log what the other machines are to run."""
    _LOG.info(
        "waiting for %d other machines; run on each, with its own PREFLINE_MACHINE_RANK: "
        "python -m tasks.training.launch.join_training %s %s",
        config.num_machines - 1,
        launch,
        directory,
    )
