"""The processes of a launched training, seen from the one that asked for it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tasks.training.launch.launch_config import LaunchConfig
from tasks.training.launch.parent_watch import PIPE, hold_open

_CHECKOUT = Path(__file__).parents[3]
_SECONDS_TO_STOP = 60.0  # for a last checkpoint
_SHOWN_LINES = 20
_TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """accelerate's launcher on this machine, running, with the job directory of its processes."""

    directory: Path
    process: subprocess.Popen[bytes]
    log: Path
    num_local: int

    def runs(self) -> bool:
        """Return whether it has not ended."""
        return self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the training processes, at which they write a checkpoint.

        Not to the launcher, which would give them 30 s and kill them, unless they are not there
        yet and have nothing to write.
        """
        pids = self._local_pids()
        if len(pids) < self.num_local:
            self.process.terminate()
        for pid in pids:
            _send(pid, signal.SIGTERM)

    def end(self) -> None:
        """Ask the processes to stop, wait a minute at most, then kill what is left."""
        if not self.runs():
            return
        self.ask_to_stop()
        try:
            self.process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            for pid in self._local_pids():
                _send(pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def why_it_failed(self) -> str:
        """Return the last lines of the process that failed first, or those of the launcher."""
        logs = sorted(self.directory.glob("errors-*.log"), key=lambda path: path.stat().st_mtime_ns)
        for log in (*logs, self.log):
            text = log.read_text(encoding="utf-8", errors="replace")
            if _TRACEBACK in text:
                return _last_lines(text)
        return _last_lines(self.log.read_text(encoding="utf-8", errors="replace"))

    def _local_pids(self) -> list[int]:
        """Return the processes that train on this machine."""
        here = socket.gethostname()
        places = [path.read_text(encoding="utf-8") for path in self.directory.glob("process-*")]
        return [int(pid) for host, pid in map(str.split, places) if host == here]


@contextmanager
def launched(directory: Path, config: LaunchConfig) -> Iterator[Launcher]:
    """Yield the launcher of the job in `directory`; none of its processes outlives the block."""
    machine = config.machine_rank
    pipe = directory / f"asker-{machine}"
    log = directory / f"launcher-{machine}.log"
    held = hold_open(pipe)
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(directory, config),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment(os.environ), PIPE: str(pipe)},
                process_group=0,  # a Ctrl-C in the terminal is for the asker, which passes it on
            )
        launcher = Launcher(
            directory=directory,
            process=process,
            log=log,
            num_local=config.num_processes // config.num_machines,
        )
        try:
            yield launcher
        finally:
            launcher.end()
    finally:
        os.close(held)


def command(directory: Path, config: LaunchConfig) -> list[str]:
    """Return the command line of the launcher; it holds paths and no secret."""
    settings = directory / f"launch-{config.machine_rank}.yaml"
    settings.write_text(yaml.safe_dump(config.values), encoding="utf-8")
    port = [] if config.num_machines > 1 else ["--main_process_port", "0"]  # any free one
    return [
        sys.executable,
        *("-m", "accelerate.commands.launch"),
        *("--config_file", str(settings)),
        *port,
        *("-m", "tasks.training.launch.child"),
        str(directory),
    ]


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the processes: the inherited one, and where our modules are."""
    paths = [str(_CHECKOUT), inherited.get("PYTHONPATH", "")]
    return {**inherited, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:  # it has ended by itself
        return


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_SHOWN_LINES:])
