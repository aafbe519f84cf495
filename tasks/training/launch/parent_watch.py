"""Ends a process together with the one that asked for it.

The launcher of torch puts its processes in sessions of their own, where no signal of a terminal
reaches them. They hear of the end of the asking process through a pipe with a name, which that one
holds open and the system closes however it ends.
"""

import os
import signal
import threading
import time
from pathlib import Path

PIPE = "PREFLINE_ASKER_PIPE"  # the environment variable that names it
_SECONDS_TO_STOP = 60.0  # for a last checkpoint


def hold_open(pipe: Path) -> int:
    """Make the pipe and return its descriptor, whose closing ends the processes."""
    os.mkfifo(pipe, 0o600)
    return os.open(pipe, os.O_RDWR)  # with a reader too, opening does not wait


def end_with_asker() -> None:
    """Have this process end soon after the one that holds open the pipe of its environment.

    It first gets SIGTERM, at which training writes a checkpoint, and a minute later SIGKILL.
    """
    pipe = os.environ.get(PIPE)
    if pipe:
        threading.Thread(target=_wait_and_end, args=(pipe,), daemon=True).start()


def _wait_and_end(pipe: str) -> None:
    try:
        descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # waits for no writer to come
        os.set_blocking(descriptor, True)
        os.read(descriptor, 1)  # nobody writes: it returns once no process holds the pipe open
    except FileNotFoundError:  # the asker has ended and removed it already
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_STOP)
    os.kill(os.getpid(), signal.SIGKILL)
