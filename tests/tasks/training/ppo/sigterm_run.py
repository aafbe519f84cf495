"""Runs PPO in a process of its own, which SIGTERM can reach: start, out and checkpoint directories."""

import sys
from pathlib import Path

from tasks.training.ppo.train_ppo import train_ppo
from tasks.training.run.run_files import RunFiles
from tests.tasks.training.ppo.ppo_runs import LIKES_E, PROMPTS, changed


def main(start: str, out: str, checkpoints: str) -> None:
    """Train for so long that only a signal ends it; each step is told on a line of its own."""

    def progress(done: int, total: int, note: str = "") -> None:
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()

    files = RunFiles(
        start=Path(start), out=Path(out), checkpoints=Path(checkpoints), progress=progress
    )
    train_ppo(PROMPTS, LIKES_E, changed(iterations=100_000, learning_rate=1e-5), files)


if __name__ == "__main__":
    main(*sys.argv[1:])
