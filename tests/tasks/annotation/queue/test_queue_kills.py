"""Processes that are killed while they label."""

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tasks.annotation.queue.queues import open_queues
from tests.tasks.annotation.queue.desk import desk

CHECKOUT = Path(__file__).resolve().parents[4]
LABELLING = [sys.executable, "-m", "tests.tasks.annotation.queue.labelling_process"]
NUM, KILLS = 4_000, 12


def killed(path: Path, queue_id: str, draw: random.Random, folder: Path) -> list[str]:
    """Return what two processes were told is kept until each was killed at some moment."""
    folder.mkdir()
    told = [folder / "ann", folder / "bob"]
    children = [_started([*LABELLING, str(path), queue_id, out.name], out) for out in told]
    _wait(children, told, num_lines=1)  # ready, so that neither labels everything alone
    for child in children:
        assert child.stdin
        child.stdin.write(b"go\n")
        child.stdin.close()
    _wait(children, told, num_lines=2)  # at work
    for child in draw.sample(children, 2):
        time.sleep(draw.uniform(0, 0.15))
        child.kill()
        child.wait()
    lines = [line for out in told for line in out.read_text().splitlines(keepends=True)[1:]]
    return [line.split()[1] for line in lines if line.endswith("\n")]


def _started(command: list[str], out: Path) -> "subprocess.Popen[bytes]":
    with out.open("wb") as file:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file, cwd=CHECKOUT)


def _wait(
    children: Sequence["subprocess.Popen[bytes]"], told: Sequence[Path], num_lines: int
) -> None:
    for child, out in zip(children, told, strict=True):
        while out.read_text().count("\n") < num_lines:
            assert child.poll() is None
            time.sleep(0.005)


@pytest.mark.timeout(300)
def test_twelve_kills_lose_no_acknowledged_label(tmp_path: Path) -> None:
    at = desk(tmp_path, NUM, overlap=2, lease_minutes=0.001)
    draw, kept = random.Random(5), []
    for kill in range(KILLS):
        kept += killed(at.queues.path, at.queue_id, draw, tmp_path / f"{kill}")
        labels = open_queues(at.queues.path).labels(at.queue_id)
        assert set(kept) <= {label.label_id for label in labels}, f"lost by kill {kill}"
    assert len(labels) < 2 * NUM  # they were killed at work
    unacknowledged = len(labels) - len(kept)
    assert unacknowledged <= 2 * KILLS  # at most the one that each had in flight
    assert len({(label.annotator, label.comparison_id) for label in labels}) == len(labels)
    assert max(Counter(label.comparison_id for label in labels).values()) <= 2
    with closing(sqlite3.connect(at.queues.path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert at.state().num_labels == len(labels)
