"""The journal of calls: who may make one, what came back, and what it cost.

A call is claimed before it is made and its reply is on disk before anything uses it. So a rerun
makes no call again, a killed run repeats at most the calls that were in flight, and two runs of one
job pay once. The budget is checked where the claim is written: what was spent and what the open
claims may yet cost never exceeds it.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from storage.file_lock import is_locked, locked
from tasks.sampling.api.journal_database import Action, T, cannot_open
from tasks.sampling.api.journal_rows import add, is_over, known, lose, settle
from tasks.sampling.api.journal_tables import SCHEMA, Hold, Spent, StoredReply
from tasks.sampling.api.journal_thread import JournalThread
from tasks.sampling.api.params import BudgetParams
from tasks.sampling.api.reply import Outcome
from tasks.sampling.api.request import ApiRequest

_KEYS_AT_ONCE = 500
_OPEN_ATTEMPTS = """
SELECT attempt, owner, lease_until, EXISTS (
    SELECT 1 FROM batch_lines JOIN batches USING (token)
    WHERE batch_lines.attempt = attempts.attempt AND batches.ended_at IS NULL) AS in_batch
FROM attempts WHERE key = ? AND ended_at IS NULL
"""
_LOCKS_KEPT_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """The call is ours to make."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else is making the call now."""


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The call may cost more than what is left of the budget."""


Claim = Claimed | Busy | OverBudget | StoredReply


@contextmanager
def open_journal(path: Path, *, run: str, stage: str, budget: BudgetParams) -> Iterator["Journal"]:
    """Yield the journal in the SQLite file `path`, for calls of the stage `stage` in the run `run`.

    The file must be on a local disk: SQLite's locks do not hold on network file systems.

    Raises:
        InputError: the file or its folder cannot be opened, or the file is no journal.
    """
    owners = path.with_suffix(".owners")
    try:
        owners.mkdir(parents=True, exist_ok=True)
        _sweep(owners)
    except OSError as error:
        raise cannot_open(path, error) from error
    owner = uuid4().hex
    lock = owners / owner
    with locked(lock):
        try:
            with closing(JournalThread(path, SCHEMA)) as thread:
                yield Journal(thread, owners, owner, run=run, stage=stage, budget=budget)
        finally:
            lock.unlink(missing_ok=True)


class Journal:
    """Made by `open_journal`; may be used by several threads and event loops."""

    def __init__(
        self,
        thread: JournalThread,
        owners: Path,
        owner: str,
        *,
        run: str,
        stage: str,
        budget: BudgetParams,
    ) -> None:
        self._thread = thread
        self._owners = owners
        self.owner = owner
        self.run_id = run
        self.stage = stage
        self.budget = budget

    def replies(self, keys: Sequence[str]) -> dict[str, StoredReply]:
        """Return the replies that are known already, by key."""
        found: dict[str, StoredReply] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[start : start + _KEYS_AT_ONCE]
            found |= self._thread.run(partial(known, keys=some))
        return found

    async def claim(
        self, key: str, request: ApiRequest, call: bytes, hold: Hold, *, lease_seconds: float
    ) -> Claim:
        """Return whether the call may be made now, or its reply if somebody has it by now.

        `call` is the request as it was hashed. A claim ends when the reply is settled, when its
        process is gone, or after `lease_seconds`.
        """
        claiming = self._thread.start(
            lambda connection: self.claim_in(connection, key, request, call, hold, lease_seconds)
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            await asyncio.wait([claiming])
            if claiming.exception() is None and isinstance(claim := claiming.result(), Claimed):
                self.release(claim.attempt)
            raise

    async def settle(
        self,
        attempt: int,
        outcome: Outcome,
        spent: Spent,
        *,
        detail: str = "",
        body: bytes = b"",
        latency_seconds: float = 0.0,
    ) -> None:
        """Write down what became of a claimed call; it is on disk when this returns."""
        settling = self._thread.start(
            lambda connection: settle(
                connection, attempt, str(outcome), spent, detail, body, latency_seconds
            )
        )
        try:
            await asyncio.shield(settling)
        except asyncio.CancelledError:  # it is paid for, so it is written down all the same
            await asyncio.wait([settling])
            raise

    def release(self, attempt: int) -> None:
        """Give up a claim whose call was not made: it costs nothing."""
        self._thread.submit(lambda connection: lose(connection, attempt, was_made=False))

    def abandon(self, attempt: int) -> None:
        """Give up a claim whose call was broken off: nobody knows whether it was paid."""
        self._thread.submit(lambda connection: lose(connection, attempt))

    def run(self, action: Action[T]) -> T:
        """Return what `action` returns, called with the database in a transaction."""
        return self._thread.run(action)

    def is_alive(self, owner: str) -> bool:
        """Return whether the process that opened a journal as `owner` still has it open."""
        return is_locked(self._owners / owner)

    def claim_in(
        self,
        connection: sqlite3.Connection,
        key: str,
        request: ApiRequest,
        call: bytes,
        hold: Hold,
        lease_seconds: float,
    ) -> Claim:
        """Return what `claim` does, in a transaction that is open already."""
        if stored := known(connection, [key]).get(key):
            return stored
        if self._is_busy(connection, key):
            return Busy()
        if is_over(connection, self.run_id, self.budget, hold):
            return OverBudget()
        now = time.time()
        connection.execute(
            "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, NULL)",
            (key, request.model, call, request.sample_index),
        )
        row = connection.execute(
            "INSERT INTO attempts (key, run, stage, model, owner, started_at, lease_until, "
            "held_tokens, held_usd, priced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                self.run_id,
                self.stage,
                request.model,
                self.owner,
                now,
                now + lease_seconds,
                hold.tokens,
                hold.usd,
                hold.priced,
            ),
        )
        add(connection, self.run_id, held=hold)
        return Claimed(int(row.lastrowid or 0))

    def _is_busy(self, connection: sqlite3.Connection, key: str) -> bool:
        """Tell whether a living owner or an unfinished batch holds the call.

        Claims of dead owners are given up; a batch is worked off without its owner.
        """
        for row in connection.execute(_OPEN_ATTEMPTS, (key,)).fetchall():
            is_held = row["in_batch"] or self.is_alive(row["owner"])
            if is_held and row["lease_until"] > time.time():
                return True
            lose(connection, row["attempt"])
        return False


def _sweep(owners: Path) -> None:
    """Remove the locks of processes that are long gone."""
    for path in owners.iterdir():
        with suppress(FileNotFoundError):  # another process ends, or sweeps as well
            old = time.time() - path.stat().st_mtime > _LOCKS_KEPT_SECONDS
            if old and not is_locked(path):
                path.unlink()
