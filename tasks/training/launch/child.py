"""One process of a launched training: `python -m tasks.training.launch.child <job directory>`."""

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

from storage.input_error import InputError
from tasks.progress import silent
from tasks.training.launch.parent_watch import end_with_asker
from tasks.training.launch.told_log import write_log


def train_job(directory: Path) -> int:
    """Train as the job in `directory` says and return the exit code.

    The first process tells progress and writes the result; the policies of the others are thrown
    away.
    """
    from tasks.training.launch.job import read_job
    from tasks.training.launch.outcome import write_input_error, write_result
    from tasks.training.launch.ranks import is_first_rank, rank
    from tasks.training.launch.told_progress import WrittenProgress
    from tasks.training.launch.train_where_asked import trainer_of

    first = is_first_rank()
    job = read_job(directory, WrittenProgress(directory) if first else silent)
    files = job.files if first else replace(job.files, out=directory / f"policy-{rank()}")
    try:
        _choose_device(job.params.device)
        result = trainer_of(job.method)(job.rows, job.params, files)
    except InputError as error:
        write_input_error(directory, str(error))
        return 1  # the launcher then ends the other processes
    if first:
        write_result(directory, result)
    return 0


def _choose_device(device: str) -> None:
    """Make this process's own GPU the one that `cuda` means."""
    import torch

    if device != "cpu" and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))


def part() -> None:
    """Leave the process group, once all have come so far."""
    import torch.distributed as dist

    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def announce(directory: Path, rank: str) -> None:
    """Send this process's errors to a file of its own, and write down where it runs."""
    errors = os.open(
        directory / f"errors-{rank}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
    )
    os.dup2(errors, sys.stderr.fileno())
    os.close(errors)
    place = directory / f"process-{rank}"
    unfinished = place.with_name(f"unfinished-{rank}")
    unfinished.write_text(f"{socket.gethostname()} {os.getpid()}", encoding="utf-8")
    unfinished.replace(place)


def main() -> int:
    """Return the exit code of the training in the directory that the command line names."""
    directory = Path(sys.argv[1])
    announce(directory, os.environ.get("RANK", "0"))
    end_with_asker()
    if os.environ.get("RANK", "0") == "0":
        write_log(directory)
    code = train_job(directory)
    if code == 0:
        part()
    return code


if __name__ == "__main__":
    sys.exit(main())
