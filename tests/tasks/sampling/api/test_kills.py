"""Processes that are killed, stopped, or run the same job at the same time."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.fakes.api_asking import asking, chats

CHECKOUT = Path(__file__).resolve().parents[4]
ASKING = [sys.executable, "-m", "tests.fakes.api_asking"]
NUM, CONCURRENCY, KILLS = 400, 8, 9


@contextmanager
def serving(log: Path, delay_ms: float) -> Iterator[str]:
    """Yield the address of a fake API in a process of its own."""
    command = [sys.executable, "-m", "tests.fakes.api_server", "--log", str(log)]
    with subprocess.Popen(
        [*command, "--delay-ms", f"{delay_ms}"], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as server:
        assert server.stdout
        yield server.stdout.readline().strip()
        server.kill()


def start(url: str, journal: Path, num: int) -> "subprocess.Popen[str]":
    """Return a process that has opened the journal and begins to ask."""
    child = subprocess.Popen(
        [*ASKING, url, str(journal), "--num", f"{num}", "--concurrency", f"{CONCURRENCY}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    )
    assert child.stdout
    assert child.stdout.readline() == "asking\n"
    return child


def calls(log: Path) -> Counter[str]:
    """Return how often the server was asked for each body."""
    return Counter(json.loads(line)["sha256"] for line in log.read_text().splitlines())


def kill_when_busy(child: "subprocess.Popen[str]", log: Path, draw: random.Random) -> None:
    """Kill a process at a random moment after its first call has reached the server."""
    before = log.stat().st_size if log.exists() else 0
    while child.poll() is None and log.exists() and log.stat().st_size == before:
        time.sleep(0.005)
    time.sleep(draw.uniform(0.0, 0.3))
    child.kill()
    child.communicate()


@pytest.mark.timeout(300)
def test_nine_killed_runs_lose_nothing_and_repeat_only_what_was_in_flight(tmp_path: Path) -> None:
    log, journal, draw = tmp_path / "calls.jsonl", tmp_path / "journal.sqlite", random.Random(8)
    with serving(log, delay_ms=30) as url:
        for _ in range(KILLS):
            kill_when_busy(start(url, journal, NUM), log, draw)
        num_before = len(calls(log))
        with asking(url, journal, run="the last") as client:
            started = time.monotonic()
            replies = client.ask(chats(NUM))
            seconds = time.monotonic() - started
        asked = calls(log)
    assert 0 < num_before < NUM  # it was killed while it worked
    assert {reply.outcome for reply in replies} == {"ok"}
    assert [reply.text for reply in replies] == [f"Echo 1: question {k}" for k in range(NUM)]
    assert len(asked) == NUM
    assert asked.total() - NUM <= KILLS * CONCURRENCY
    assert max(asked.values()) <= 1 + KILLS
    assert seconds < 60.0  # a lease of a dead process would last 80
    assert sum(reply.reused for reply in replies) >= num_before - KILLS * CONCURRENCY
    with closing(sqlite3.connect(journal)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        query = "SELECT sum(ended_at IS NULL), sum(outcome = 'lost') FROM attempts"
        num_open, num_lost = connection.execute(query).fetchone()
    assert num_open == 0
    assert asked.total() - NUM <= num_lost <= KILLS * CONCURRENCY


@pytest.mark.timeout(120)
def test_processes_with_the_same_job_make_each_call_once_between_them(tmp_path: Path) -> None:
    log, journal = tmp_path / "calls.jsonl", tmp_path / "journal.sqlite"
    with serving(log, delay_ms=10) as url:
        children = [start(url, journal, NUM) for _ in range(3)]
        ends = [child.communicate() for child in children]
        asked = calls(log)
    assert [json.loads(said) for said, _ in ends] == [{"ok": NUM}] * 3
    assert [error for _, error in ends] == [""] * 3
    assert (len(asked), asked.total()) == (NUM, NUM)


@pytest.mark.timeout(120)
def test_an_interrupted_process_ends_soon_and_writes_down_what_it_had(tmp_path: Path) -> None:
    log, journal = tmp_path / "calls.jsonl", tmp_path / "journal.sqlite"
    with serving(log, delay_ms=200) as url:
        child = start(url, journal, NUM)
        while not log.exists() or log.read_text().count("\n") <= CONCURRENCY:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, error = child.communicate(timeout=20)
    assert "KeyboardInterrupt" in error
    assert "never retrieved" not in error
    with closing(sqlite3.connect(journal)) as connection:
        query = "SELECT outcome, count(*) FROM attempts GROUP BY outcome"
        ends = dict(connection.execute(query).fetchall())
    assert ends["ok"] >= 1
    assert ends["lost"] <= CONCURRENCY
    num_claimed = sum(ends.values())  # some may not have been on their way yet
    assert num_claimed - CONCURRENCY <= calls(log).total() <= num_claimed
    assert list(journal.with_suffix(".owners").iterdir()) == []
