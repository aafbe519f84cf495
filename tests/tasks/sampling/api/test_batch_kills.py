"""Batches whose process is killed, at every step: what is made and paid is made and paid once."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from batch_process import FAST, PRICE

from tasks.progress import silent
from tasks.sampling.api.ask_all import Asking
from tasks.sampling.api.ask_batch import BatchAsking
from tasks.sampling.api.reply import Outcome
from tasks.sampling.api.turns import Job
from tests.fakes.api_asking import asking, chats
from tests.fakes.api_client import connect
from tests.fakes.api_server import FakeApi

ROOT = Path(__file__).parents[4]
SCRIPT = Path(__file__).with_name("batch_process.py")
NUM = 6
# "question 0" is 2 words and "Echo 1: question 0" 4, at half of 2 and 10 dollars a million
USD_A_LINE = (2 * 2.0 + 4 * 10.0) / 2 / 1e6

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(BatchAsking, "LIMITS", FAST)


def start(api, journal, *options):
    return subprocess.Popen(
        [sys.executable, SCRIPT, api.base_url, journal, "--num", str(NUM), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def num_batches(api):
    with connect(api) as client:
        return len(client.batches.list().data)


def read(journal, query):
    connection = sqlite3.connect(journal)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


class Killer:
    """Kills a process when a call about files and batches comes; `number` counts them from 0."""

    def __init__(self, number, fault):
        self.number = number
        self.fault = fault
        self.process = None

    def __call__(self, number, _):
        if number != self.number:
            return None
        self.process.kill()
        self.process.wait()
        return self.fault


# The calls of a run: the file (0), the batch (1), two polls (2, 3), the file of replies (4) and that
# of errors (5). "closed": the provider never gets the call; otherwise it does what it is asked.
STEPS = [
    pytest.param(0, "closed", 0, id="before the file is there"),
    pytest.param(0, None, 0, id="when the file is there"),
    pytest.param(1, "closed", 0, id="before the batch is there"),
    pytest.param(1, None, 1, id="when the batch is there, its id not yet heard"),
    pytest.param(2, None, 1, id="at the first poll"),
    pytest.param(3, None, 1, id="at the last poll"),
    pytest.param(4, None, 1, id="before the replies are there"),
    pytest.param(5, None, 1, id="between replies and errors"),
]


@pytest.mark.parametrize(("number", "fault", "made_before"), STEPS)
def test_a_killed_run_is_gone_on_with_and_nothing_is_paid_twice(
    tmp_path, number, fault, made_before
):
    journal = tmp_path / "journal.sqlite"
    killer = Killer(number, fault)
    faults = ["400-context", *[None] * 50]  # so that there is a file of errors
    with FakeApi(batch_faults=killer, faults=faults, batch_polls=2) as api:
        killer.process = start(api, journal)
        out, _ = killer.process.communicate(timeout=60)
        assert (killer.process.returncode, out) == (-9, "")
        assert num_batches(api) == made_before
        assert read(journal, "SELECT count(*) FROM attempts") == [(NUM,)]
        with asking(api.base_url, journal, run="next", price=PRICE, batch=True) as client:
            replies = client.ask(chats(NUM))
        in_all = num_batches(api)
    billed = [reply for reply in replies if reply.outcome is Outcome.OK]
    if made_before:  # the adopted batch brought the error of one line, which is asked once more
        assert in_all == 2
        assert [reply.reused for reply in replies] == [False, *[True] * (NUM - 1)]
        assert len(billed) == api.num_billed == NUM
    else:
        assert in_all == 1
        assert not any(reply.reused for reply in replies)
        assert len(billed) == api.num_billed == NUM - 1
    spent = read(journal, "SELECT sum(spent_usd), sum(held_tokens), sum(held_usd) FROM runs")
    assert spent == [(pytest.approx(len(billed) * USD_A_LINE), 0, pytest.approx(0.0, abs=1e-12))]


def test_a_run_that_is_asking_already_goes_on_with_the_batch_of_one_that_is_killed(tmp_path):
    """It looked for batches before there was one, and now meets the claims of a dead process."""
    journal = tmp_path / "journal.sqlite"
    killer = Killer(2, None)
    with FakeApi(batch_faults=killer, batch_polls=2) as api:
        killer.process = start(api, journal)
        killer.process.communicate(timeout=60)
        with asking(api.base_url, journal, run="next", price=PRICE) as client:
            keyed = [Job(request.key(api.base_url), request) for request in chats(NUM)]
            asked = Asking(client.server, keyed, silent, num_known=0)
            replies = asyncio.run(asked.replies())
        assert num_batches(api) == 1
    assert [reply.outcome for reply in replies.values()] == [Outcome.OK] * NUM
    assert [call.in_batch for call in api.calls] == [True] * NUM


def test_a_run_killed_while_it_settles_is_settled_by_the_next(tmp_path):
    journal = tmp_path / "journal.sqlite"
    with FakeApi() as api:
        process = start(api, journal, "--last-line", "4")
        process.communicate(timeout=60)
        assert process.returncode == -9
        # two lines a transaction: the first two are kept, the third went with the fourth
        assert read(journal, "SELECT count(*) FROM calls WHERE reply_of IS NOT NULL") == [(2,)]
        with asking(api.base_url, journal, run="next", price=PRICE, batch=True) as client:
            replies = client.ask(chats(NUM))
        assert num_batches(api) == 1
    assert [reply.outcome for reply in replies] == [Outcome.OK] * NUM
    assert api.num_billed == NUM
    assert read(journal, "SELECT sum(spent_usd) FROM runs") == [(pytest.approx(NUM * USD_A_LINE),)]


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(["stall"], id="the other comes before the batch is asked for"),
        pytest.param(["ok", "stall"], id="the other comes before its id is heard"),
        pytest.param([], id="the other comes at any time"),
    ],
)
def test_two_processes_with_one_job_make_one_batch(tmp_path, faults):
    journal = tmp_path / "journal.sqlite"
    with FakeApi(batch_faults=faults, stall_seconds=2.0, batch_polls=4) as api:
        processes = [start(api, journal, "--run", name) for name in ("one", "other")]
        said = [process.communicate(timeout=60)[0] for process in processes]
        assert num_batches(api) == 1
    assert said == [" ".join(["ok"] * NUM)] * 2
    assert api.num_billed == NUM
    assert read(journal, "SELECT count(*), count(ended_at) FROM attempts") == [(NUM, NUM)]
    assert read(journal, "SELECT sum(spent_usd) FROM runs") == [(pytest.approx(NUM * USD_A_LINE),)]
