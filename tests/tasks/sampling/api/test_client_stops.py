"""Stopping with Ctrl-C while calls are in flight."""

import os
import signal
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.sampling.api.reply import Outcome
from tests.fakes.api_asking import asking, chats, rows
from tests.fakes.api_server import FakeApi

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def _outcomes(path: Path) -> list[str]:
    return [row[0] for row in rows(path, "SELECT outcome FROM attempts ORDER BY attempt")]


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt: shells ignore it for what runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def interrupting(numbers: Collection[int], *, num_stalled: int = 0) -> Any:
    """Return a schedule that sends SIGINT when these calls come, and stalls the first few."""

    def fault(number: int, body: dict[str, Any]) -> str | None:
        if number in numbers:
            os.kill(os.getpid(), signal.SIGINT)
        return "stall" if number < num_stalled else None

    return fault


def test_ctrl_c_gives_up_every_claim_and_the_next_ask_waits_for_none(journal: Path) -> None:
    faults = interrupting([7], num_stalled=8)
    with (
        interruptible(),
        FakeApi(faults=faults, stall_seconds=30.0) as api,
        asking(api.base_url, journal, max_concurrency=8) as client,
    ):
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            client.ask(chats(40))
        assert len(api.calls) == 8
        assert [reply.outcome for reply in client.ask(chats(40))] == [Outcome.OK] * 40
        assert time.monotonic() - started < 25.0  # neither the stalled calls nor their leases
        assert len(api.calls) == 48
    assert Counter(_outcomes(journal)) == {"lost": 8, "ok": 40}


def test_ctrl_c_at_any_moment_leaves_nothing_open(journal: Path) -> None:
    moments = [0, 40, 81, 123, 170, 241, 333, 450]
    with (
        interruptible(),
        FakeApi(faults=interrupting(moments)) as api,
        asking(api.base_url, journal) as client,
    ):
        for _ in moments:
            with pytest.raises(KeyboardInterrupt):
                client.ask(chats(1000))
            client.server.journal.run(lambda _: None)  # what is given up is written down
            open_claims = "SELECT count(*) FROM attempts WHERE ended_at IS NULL"
            assert rows(journal, open_claims) == [(0,)]
        num_known = rows(journal, "SELECT count(*) FROM calls WHERE reply_of IS NOT NULL")[0][0]
        assert num_known + Counter(_outcomes(journal))["lost"] >= len(api.calls)
        assert rows(journal, "SELECT held_tokens FROM runs") == [(0,)]
