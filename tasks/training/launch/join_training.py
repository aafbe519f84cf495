"""Another machine's part of a training: `python -m tasks.training.launch.join_training LAUNCH JOB`."""

import logging
import sys
import time
from pathlib import Path

from storage.input_error import InputError
from tasks.progress import silent
from tasks.training.launch.job import read_job
from tasks.training.launch.launch_config import read_launch_config
from tasks.training.launch.launcher import launched

_LOG = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOOKS = 1.0


def join_training(launch: str, directory: Path) -> int:
    """Train this machine's share of the job in `directory` and return the launcher's exit code.

    `launch` is the configuration that the first machine was given, with this machine's environment.

    Raises:
        InputError: as `read_launch_config`, or this is the first machine.
    """
    params = read_job(directory, silent).params.model_copy(update={"launch": launch})
    config = read_launch_config(params)
    if config.machine_rank == 0:
        raise InputError(
            f"machine_rank of launch {launch!r} is 0 here, and that is the machine on which the flow "
            "runs. Set PREFLINE_MACHINE_RANK to this machine's own, 1 or higher"
        )
    with launched(directory, config) as launcher:
        while launcher.runs():
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    return int(launcher.process.returncode)


def main() -> int:
    """Return the exit code of this machine's share; 2 where the input cannot be used."""
    logging.basicConfig(level=logging.INFO)
    if len(sys.argv) != 3:  # noqa: PLR2004  - the module, LAUNCH and JOB
        _LOG.error("usage: python -m tasks.training.launch.join_training LAUNCH JOB")
        return 2
    try:
        return join_training(sys.argv[1], Path(sys.argv[2]))
    except InputError as error:
        _LOG.error("%s", error)
        return 2


if __name__ == "__main__":
    sys.exit(main())
