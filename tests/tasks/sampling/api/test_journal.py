"""The journal: one call per request, no more spent than allowed, nothing lost."""

import asyncio
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.file_lock import locked
from storage.input_error import InputError
from tasks.sampling.api.journal import (
    Busy,
    Claim,
    Claimed,
    Journal,
    OverBudget,
    open_journal,
)
from tasks.sampling.api.journal_tables import Hold, Spent, StoredReply
from tasks.sampling.api.params import BudgetParams
from tasks.sampling.api.reply import Outcome, Usage
from tests.fakes.api_asking import NO_LIMIT, chat, rows

URL = "http://127.0.0.1:9/v1"
TEN = Hold(tokens=10, usd=0.01)
FOUR = Spent(tokens=4, usd=0.004, usage=Usage(prompt_tokens=3, completion_tokens=1))
ENDS_SOON = pytest.mark.timeout(120)


def opened(path: Path, *, run: str = "run", budget: BudgetParams = NO_LIMIT) -> Any:
    return open_journal(path, run=run, stage="judge", budget=budget)


async def claim(
    journal: Journal, text: str, *, hold: Hold = TEN, lease_seconds: float = 60.0
) -> Claim:
    request = chat(text)
    return await journal.claim(
        text, request, request.canonical(URL), hold, lease_seconds=lease_seconds
    )


async def answer(journal: Journal, text: str, body: bytes = b"reply") -> int:
    claimed = await claim(journal, text)
    assert isinstance(claimed, Claimed)
    await journal.settle(claimed.attempt, Outcome.OK, FOUR, body=body, latency_seconds=0.5)
    return claimed.attempt


def sums(path: Path) -> tuple[Any, ...]:
    (row,) = rows(path, "SELECT held_tokens, held_usd, spent_tokens, spent_usd FROM runs")
    return row


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "down" / "journal.sqlite"


@ENDS_SOON
def test_a_settled_reply_is_on_disk_and_nobody_asks_again(path: Path) -> None:
    body = bytes(range(256))
    with opened(path) as journal:
        asyncio.run(answer(journal, "a", body))
        assert rows(path, "SELECT outcome, reply FROM attempts") == [("ok", body)]
        again = asyncio.run(claim(journal, "a"))
    assert again == StoredReply(body, 0.5, 0.004)
    with opened(path, run="another") as journal:
        assert journal.replies(["a", "b"]) == {"a": again}
        assert asyncio.run(claim(journal, "a")) == again


@ENDS_SOON
def test_many_keys_are_looked_up_at_once(path: Path) -> None:
    keys = [f"key {number}" for number in range(1201)]
    with opened(path) as journal:
        assert journal.replies([]) == {}
        asyncio.run(answer(journal, "key 1200"))
        assert list(journal.replies(keys)) == ["key 1200"]


@ENDS_SOON
def test_a_claimed_call_is_busy_for_others_until_it_is_settled(path: Path) -> None:
    async def both(first: Journal, second: Journal) -> None:
        claimed = await claim(first, "a")
        assert isinstance(claimed, Claimed)
        assert await claim(first, "a") == Busy()
        assert await claim(second, "a") == Busy()
        await first.settle(claimed.attempt, Outcome.RATE_LIMITED, Spent(tokens=0, usd=0.0))
        assert isinstance(await claim(second, "a"), Claimed)

    with opened(path) as first, opened(path) as second:
        asyncio.run(both(first, second))


NO_REPLIES = [outcome for outcome in Outcome if not outcome.is_reply]


@ENDS_SOON
@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_reply_ends_the_asking(path: Path, outcome: Outcome) -> None:
    async def settle_and_claim(journal: Journal) -> Claim:
        claimed = await claim(journal, "a")
        assert isinstance(claimed, Claimed)
        await journal.settle(claimed.attempt, outcome, FOUR, detail="words", body=b"bytes")
        return await claim(journal, "a")

    with opened(path) as journal:
        again = asyncio.run(settle_and_claim(journal))
    assert isinstance(again, Claimed if outcome in NO_REPLIES else StoredReply)
    first = rows(path, "SELECT outcome, detail, reply FROM attempts")[0]
    assert first == (str(outcome), "words", b"bytes")


@ENDS_SOON
def test_the_claim_of_a_process_that_is_gone_does_not_bind(path: Path) -> None:
    with opened(path) as journal:
        asyncio.run(claim(journal, "a", lease_seconds=3600))
    started = time.monotonic()
    with opened(path) as journal:
        assert isinstance(asyncio.run(claim(journal, "a")), Claimed)
    assert time.monotonic() - started < 10
    lost, ours = rows(path, "SELECT outcome, spent_tokens FROM attempts ORDER BY attempt")
    assert (lost, ours) == (("lost", 10), (None, None))
    assert sums(path) == (10, 0.01, 10, 0.01)  # the lost call may have been paid


@ENDS_SOON
def test_a_claim_ends_with_its_lease_and_a_late_reply_still_counts_once(path: Path) -> None:
    async def late(slow: Journal, quick: Journal) -> None:
        claimed = await claim(slow, "a", lease_seconds=-1.0)
        assert isinstance(claimed, Claimed)
        second = await claim(quick, "a")
        assert isinstance(second, Claimed)
        assert sums(path) == (10, 0.01, 10, 0.01)
        await slow.settle(claimed.attempt, Outcome.OK, FOUR, body=b"late")
        assert sums(path) == (10, 0.01, 4, 0.004)
        await quick.settle(second.attempt, Outcome.OK, FOUR, body=b"second")
        assert sums(path) == pytest.approx((0, 0.0, 8, 0.008))

    with opened(path) as slow, opened(path) as quick:
        asyncio.run(late(slow, quick))
        assert quick.replies(["a"])["a"].body == b"late"  # the first that came


@ENDS_SOON
def test_settling_twice_counts_once(path: Path) -> None:
    with opened(path) as journal:
        attempt = asyncio.run(answer(journal, "a"))
        asyncio.run(journal.settle(attempt, Outcome.OK, FOUR, body=b"reply"))
        journal.abandon(attempt)
        journal.release(attempt)
    assert sums(path) == pytest.approx((0, 0.0, 4, 0.004))
    assert rows(path, "SELECT outcome, reply FROM attempts") == [("ok", b"reply")]


@ENDS_SOON
def test_what_is_broken_off_counts_as_spent_and_what_was_not_made_does_not(path: Path) -> None:
    async def give_up(journal: Journal) -> None:
        broken, unmade = await claim(journal, "a"), await claim(journal, "b")
        assert isinstance(broken, Claimed)
        assert isinstance(unmade, Claimed)
        journal.abandon(broken.attempt)
        journal.release(unmade.attempt)
        assert isinstance(await claim(journal, "a"), Claimed)  # at once, in the same process

    with opened(path) as journal:
        asyncio.run(give_up(journal))
    assert sums(path) == (10, 0.01, 10, 0.01)


@ENDS_SOON
def test_whoever_stops_waiting_leaves_no_claim_and_no_unwritten_reply(path: Path) -> None:
    async def cancel_everything(journal: Journal) -> None:
        mine = await claim(journal, "paid")
        assert isinstance(mine, Claimed)
        claiming = [asyncio.create_task(claim(journal, f"{k}")) for k in range(50)]
        settling = asyncio.create_task(journal.settle(mine.attempt, Outcome.OK, FOUR, body=b"x"))
        await asyncio.sleep(0)  # all are submitted, none is done
        for task in (*claiming, settling):
            task.cancel()
        ends = await asyncio.gather(*claiming, settling, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
        again = [await claim(journal, f"{k}") for k in range(50)]
        assert all(isinstance(one, Claimed) for one in again)
        assert await claim(journal, "paid") == StoredReply(b"x", 0.0, 0.004)

    with opened(path) as journal:
        asyncio.run(cancel_everything(journal))
        assert sums(path) == pytest.approx((500, 0.5, 4, 0.004))


@ENDS_SOON
def test_a_claim_that_is_cancelled_while_the_journal_is_slow_is_given_back(path: Path) -> None:
    begun, free = threading.Event(), threading.Event()

    def be_slow(connection: sqlite3.Connection) -> None:
        begun.set()
        free.wait(20)

    async def cancel_a_claim(journal: Journal) -> None:
        slow = asyncio.create_task(asyncio.to_thread(journal.run, be_slow))
        await asyncio.to_thread(begun.wait, 20)
        claiming = asyncio.create_task(claim(journal, "a"))
        await asyncio.sleep(0.05)
        claiming.cancel()
        await asyncio.sleep(0.05)
        free.set()
        await slow
        with pytest.raises(asyncio.CancelledError):
            await claiming
        assert isinstance(await claim(journal, "a"), Claimed)

    with opened(path) as journal:
        asyncio.run(cancel_a_claim(journal))
    assert sums(path) == (10, 0.01, 0, 0.0)


BUDGETS = [
    pytest.param(BudgetParams(max_tokens=0), 0, id="no token"),
    pytest.param(BudgetParams(max_tokens=9), 0, id="less than one call"),
    pytest.param(BudgetParams(max_tokens=10), 1, id="exactly one"),
    pytest.param(BudgetParams(max_tokens=29), 2, id="not quite three"),
    pytest.param(BudgetParams(max_cost_usd=0.0), 0, id="no dollar"),
    pytest.param(BudgetParams(max_cost_usd=0.025), 2, id="dollars for two"),
    pytest.param(BudgetParams(max_tokens=1000, max_cost_usd=0.015), 1, id="the tighter one"),
    pytest.param(BudgetParams(), 5, id="no limit"),
]


@ENDS_SOON
@pytest.mark.parametrize(("budget", "num"), BUDGETS)
def test_open_claims_hold_their_part_of_the_budget(
    path: Path, budget: BudgetParams, num: int
) -> None:
    async def claim_five(journal: Journal) -> list[Claim]:
        return [await claim(journal, f"{number}") for number in range(5)]

    with opened(path, budget=budget) as journal:
        claims = asyncio.run(claim_five(journal))
    assert [isinstance(one, Claimed) for one in claims] == [True] * num + [False] * (5 - num)
    assert claims[num:] == [OverBudget()] * (5 - num)


@ENDS_SOON
def test_each_run_has_its_own_budget(path: Path) -> None:
    with opened(path, run="first", budget=BudgetParams(max_tokens=10)) as journal:
        asyncio.run(answer(journal, "a"))
        assert asyncio.run(claim(journal, "b")) == OverBudget()  # 4 are spent, 10 more may be
    with opened(path, run="second", budget=BudgetParams(max_tokens=10)) as journal:
        assert isinstance(asyncio.run(claim(journal, "b")), Claimed)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "settle", "fail", "abandon", "release", "reopen"]),
        st.integers(0, 5),
        st.integers(0, 40),
    ),
    max_size=30,
)


@ENDS_SOON
@settings(max_examples=25, deadline=None)
@given(steps=STEPS, most=st.integers(0, 150))
def test_spent_and_held_never_exceed_the_budget_whatever_happens(
    steps: list[tuple[str, int, int]], most: int
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        asyncio.run(_walk(path, steps, BudgetParams(max_tokens=most)))


async def _walk(path: Path, steps: list[tuple[str, int, int]], budget: BudgetParams) -> None:
    context = opened(path, budget=budget)
    journal = context.__enter__()
    attempts: dict[str, tuple[int, int]] = {}
    for step, number, tokens in steps:
        text = f"{number}"
        if step == "claim":
            came = await claim(journal, text, hold=Hold(tokens=tokens, usd=tokens / 1000))
            if isinstance(came, Claimed):
                attempts[text] = (came.attempt, tokens)
        elif step == "reopen":
            context.__exit__(None, None, None)
            context = opened(path, budget=budget)
            journal = context.__enter__()
            attempts = {}
        elif text in attempts:
            attempt, held = attempts.pop(text)
            if step in {"settle", "fail"}:
                outcome = Outcome.OK if step == "settle" else Outcome.TIMEOUT
                spent = min(tokens, held)
                await journal.settle(attempt, outcome, Spent(tokens=spent, usd=spent / 1000))
            else:
                getattr(journal, step)(attempt)
        journal.run(lambda _: None)  # what was given up is written down by now
        _check_sums(path, budget.max_tokens or 0)
    context.__exit__(None, None, None)


def _check_sums(path: Path, most: int) -> None:
    """Compare what the runs are said to use with the attempts themselves."""
    (used,) = rows(
        path,
        "SELECT coalesce(sum(CASE WHEN ended_at IS NULL THEN held_tokens END), 0), "
        "coalesce(sum(spent_tokens), 0), coalesce(sum(CASE WHEN ended_at IS NULL THEN held_usd "
        "END), 0.0), coalesce(sum(spent_usd), 0.0) FROM attempts",
    )
    said = rows(path, "SELECT held_tokens, spent_tokens, held_usd, spent_usd FROM runs")
    assert used == pytest.approx(said[0] if said else (0, 0, 0.0, 0.0))
    assert used[0] + used[1] <= most


@ENDS_SOON
def test_journals_of_many_processes_come_and_go_in_one_folder(path: Path) -> None:
    def come_and_go(number: int) -> None:
        for turn in range(8):
            with opened(path) as journal:
                asyncio.run(answer(journal, f"{number} {turn}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert rows(path, "SELECT count(*) FROM calls WHERE reply_of IS NOT NULL") == [(32,)]
    assert list(path.with_suffix(".owners").iterdir()) == []


@ENDS_SOON
def test_old_locks_are_swept_unless_they_are_held(path: Path) -> None:
    import os

    with opened(path):
        pass
    owners = path.with_suffix(".owners")
    for name, age_days in (("old", 2), ("new", 0), ("held", 2)):
        (owners / name).touch()
        then = time.time() - age_days * 24 * 3600
        os.utime(owners / name, (then, then))
    with locked(owners / "held"), opened(path):
        assert {one.name for one in owners.iterdir()} >= {"new", "held"}
        assert not (owners / "old").exists()


@ENDS_SOON
def test_a_place_that_cannot_hold_a_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(InputError, match=r"journal\.sqlite.*cannot be opened"),
        opened(tmp_path / "file" / "journal.sqlite"),
    ):
        pass
    (tmp_path / "journal.sqlite").write_text("no journal " * 100)
    with (
        pytest.raises(InputError, match=r"journal\.sqlite.*not a database"),
        opened(tmp_path / "journal.sqlite"),
    ):
        pass
    assert list((tmp_path / "journal.owners").iterdir()) == []
