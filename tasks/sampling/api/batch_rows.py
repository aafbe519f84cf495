"""What a journal knows of batches, one function a question; each is called in a transaction."""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.sampling.api.journal_rows import LOST, settle
from tasks.sampling.api.journal_tables import Spent, StoredReply
from tasks.sampling.api.reply import Outcome

_KEYS_AT_ONCE = 500
_LINES_AT_ONCE = 500
_NOTHING_SPENT = Spent(tokens=0, usd=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A batch as the journal has it; `owner` is null once nobody is asking the provider for it."""

    token: str
    owner: str | None
    created_at: float
    submitted_at: float | None
    batch_id: str | None
    ended_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEnd:
    """What became of a line: the reply that counts, which run paid for it, or why there is none."""

    attempt: int
    key: str
    outcome: str
    detail: str
    reply: StoredReply | None
    run: str
    batch_status: str


def add_batch(
    connection: sqlite3.Connection, token: str, *, base_url: str, model: str, run: str, owner: str
) -> None:
    """Write down a batch before the provider hears of it."""
    connection.execute(
        "INSERT INTO batches (token, base_url, model, run, owner, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (token, base_url, model, run, owner, time.time()),
    )


def find_batch(connection: sqlite3.Connection, token: str) -> BatchRow:
    """Return the batch of this token, which must exist."""
    row = connection.execute("SELECT * FROM batches WHERE token = ?", (token,)).fetchone()
    return BatchRow(**{name: row[name] for name in BatchRow.__slots__})


def open_batches(connection: sqlite3.Connection, keys: Sequence[str]) -> set[str]:
    """Return the tokens of the batches that hold one of the keys and have not ended."""
    if (
        connection.execute("SELECT 1 FROM batches WHERE ended_at IS NULL LIMIT 1").fetchone()
        is None
    ):
        return set()
    tokens: set[str] = set()
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[start : start + _KEYS_AT_ONCE]
        marks = ",".join("?" * len(some))
        rows = connection.execute(
            "SELECT DISTINCT b.token FROM attempts a JOIN batch_lines l ON l.attempt = a.attempt "  # noqa: S608  - question marks only
            "JOIN batches b ON b.token = l.token "
            f"WHERE b.ended_at IS NULL AND a.key IN ({marks})",
            tuple(some),
        )
        tokens.update(row["token"] for row in rows)
    return tokens


def record_submission(connection: sqlite3.Connection, token: str) -> None:
    """Write down that the provider is asked for the batch from now on: it may come to be."""
    connection.execute("UPDATE batches SET submitted_at = ? WHERE token = ?", (time.time(), token))


def record_id(connection: sqlite3.Connection, token: str, batch_id: str) -> None:
    """Write down what the provider calls the batch."""
    connection.execute(
        "UPDATE batches SET batch_id = ?, owner = NULL WHERE token = ?", (batch_id, token)
    )


def release(connection: sqlite3.Connection, token: str) -> None:
    """Let others find out whether the provider has the batch."""
    connection.execute("UPDATE batches SET owner = NULL WHERE token = ?", (token,))


def give_up(connection: sqlite3.Connection, token: str, outcome: Outcome, detail: str) -> None:
    """End a batch that was never created: nothing was billed, so its holds are freed."""
    batch = find_batch(connection, token)
    if batch.batch_id is not None or batch.ended_at is not None:
        return
    for row in open_lines(connection, token):
        settle(connection, row["attempt"], str(outcome), _NOTHING_SPENT, detail, b"", 0.0)
    end_batch(connection, token, "never created")


def end_batch(connection: sqlite3.Connection, token: str, status: str) -> None:
    """Write down that all of a batch is settled."""
    connection.execute(
        "UPDATE batches SET ended_at = ?, status = ?, owner = NULL "
        "WHERE token = ? AND ended_at IS NULL",
        (time.time(), status, token),
    )


def open_lines(connection: sqlite3.Connection, token: str) -> list[sqlite3.Row]:
    """Return the lines that are not settled, in the order of the file, each with its request.

    Lines are among them that a process without batches took for lost; their reply is to count.
    """
    return connection.execute(
        "SELECT a.attempt, a.key, c.request, c.sample_index FROM batch_lines l "
        "JOIN attempts a ON a.attempt = l.attempt JOIN calls c ON c.key = a.key "
        "WHERE l.token = ? AND (a.ended_at IS NULL OR a.outcome = ?) ORDER BY a.attempt",
        (token, LOST),
    ).fetchall()


def open_line(connection: sqlite3.Connection, token: str, key: str) -> sqlite3.Row | None:
    """Return one line that is not settled, null if there is none of this key."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT a.attempt, a.key, c.request, c.sample_index FROM attempts a "
        "JOIN batch_lines l ON l.attempt = a.attempt JOIN calls c ON c.key = a.key "
        "WHERE a.key = ? AND l.token = ? AND (a.ended_at IS NULL OR a.outcome = ?)",
        (key, token, LOST),
    ).fetchone()
    return row


def line_ends(connection: sqlite3.Connection, token: str, after: int) -> list[LineEnd]:
    """Return what became of the next lines of an ended batch, after the attempt `after`."""
    rows = connection.execute(
        "SELECT a.attempt, a.key, a.outcome, a.detail, a.run AS asked_by, r.run AS paid_by, "
        "r.reply, r.latency_seconds, r.spent_usd, b.status FROM batch_lines l "
        "JOIN batches b ON b.token = l.token JOIN attempts a ON a.attempt = l.attempt JOIN calls c ON c.key = a.key "
        "LEFT JOIN attempts r ON r.attempt = c.reply_of "
        "WHERE l.token = ? AND l.attempt > ? ORDER BY l.attempt LIMIT ?",
        (token, after, _LINES_AT_ONCE),
    )
    return [_line_end(row) for row in rows]


def _line_end(row: sqlite3.Row) -> LineEnd:
    has_reply = row["paid_by"] is not None
    reply = StoredReply(row["reply"], row["latency_seconds"], row["spent_usd"])
    return LineEnd(
        attempt=row["attempt"],
        key=row["key"],
        outcome=row["outcome"],
        detail=row["detail"],
        reply=reply if has_reply else None,
        run=row["paid_by"] if has_reply else row["asked_by"],
        batch_status=row["status"],
    )
