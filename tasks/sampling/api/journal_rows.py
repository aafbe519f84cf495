"""What a journal reads and writes, one function a question; each is called in a transaction."""

import sqlite3
import time
from collections.abc import Sequence

from tasks.sampling.api.journal_tables import Hold, Spent, StoredReply
from tasks.sampling.api.params import BudgetParams
from tasks.sampling.api.reply import Outcome

LOST = "lost"
"""Outcome of an attempt whose process died: it may have been paid, so its hold counts as spent."""
_NOTHING_HELD = Hold(tokens=0, usd=0.0)
_NOTHING_SPENT = Spent(tokens=0, usd=0.0)


def known(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, StoredReply]:
    """Return the replies that count, by key."""
    marks = ",".join("?" * len(keys))
    rows = connection.execute(
        "SELECT c.key, a.reply, a.latency_seconds, a.spent_usd FROM calls c "  # noqa: S608  - question marks only
        f"JOIN attempts a ON a.attempt = c.reply_of WHERE c.key IN ({marks})",
        tuple(keys),
    )
    return {
        row["key"]: StoredReply(row["reply"], row["latency_seconds"], row["spent_usd"])
        for row in rows
    }


def settle(
    connection: sqlite3.Connection,
    attempt: int,
    outcome: str,
    spent: Spent,
    detail: str,
    body: bytes,
    latency_seconds: float,
) -> None:
    """Write down what became of an attempt, and free what it held."""
    before = connection.execute("SELECT * FROM attempts WHERE attempt = ?", (attempt,)).fetchone()
    connection.execute(
        "UPDATE attempts SET ended_at = ?, outcome = ?, detail = ?, prompt_tokens = ?, "
        "completion_tokens = ?, spent_tokens = ?, spent_usd = ?, latency_seconds = ?, reply = ? "
        "WHERE attempt = ?",
        (
            time.time(),
            outcome,
            detail,
            spent.usage.prompt_tokens if spent.usage else None,
            spent.usage.completion_tokens if spent.usage else None,
            spent.tokens,
            spent.usd,
            latency_seconds,
            body,
            attempt,
        ),
    )
    if outcome != LOST and Outcome(outcome).is_reply:
        connection.execute(
            "UPDATE calls SET reply_of = ? WHERE key = ? AND reply_of IS NULL",
            (attempt, before["key"]),
        )
    held = Hold(tokens=before["held_tokens"], usd=before["held_usd"])
    if before["ended_at"] is None:
        add(connection, before["run"], held=Hold(tokens=-held.tokens, usd=-held.usd), spent=spent)
    else:  # given up by others who took this process for dead: what it counted as is replaced
        difference = Spent(
            tokens=spent.tokens - before["spent_tokens"], usd=spent.usd - before["spent_usd"]
        )
        add(connection, before["run"], spent=difference)


def lose(connection: sqlite3.Connection, attempt: int, *, was_made: bool = True) -> None:
    """Give up an open attempt; one that is over stays as it is.

    If the call was made, or may have been, what it held counts as spent.
    """
    row = connection.execute(
        "SELECT held_tokens, held_usd, ended_at FROM attempts WHERE attempt = ?", (attempt,)
    ).fetchone()
    if row["ended_at"] is None:
        held = Spent(tokens=row["held_tokens"], usd=row["held_usd"])
        spent = held if was_made else _NOTHING_SPENT
        detail = "broken off before the reply came" if was_made else "given up before it was made"
        settle(connection, attempt, LOST, spent, detail, b"", 0.0)


def add(
    connection: sqlite3.Connection,
    run: str,
    *,
    held: Hold = _NOTHING_HELD,
    spent: Spent = _NOTHING_SPENT,
) -> None:
    """Add to what a run holds and has spent."""
    connection.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET "
        "held_tokens = held_tokens + excluded.held_tokens, held_usd = held_usd + excluded.held_usd, "
        "spent_tokens = spent_tokens + excluded.spent_tokens, "
        "spent_usd = spent_usd + excluded.spent_usd",
        (run, held.tokens, held.usd, spent.tokens, spent.usd),
    )


def is_over(connection: sqlite3.Connection, run: str, budget: BudgetParams, hold: Hold) -> bool:
    """Tell whether `hold` would take a run over its budget, all that it holds counted as spent."""
    used = connection.execute("SELECT * FROM runs WHERE run = ?", (run,)).fetchone()
    tokens = used["held_tokens"] + used["spent_tokens"] if used else 0
    usd = used["held_usd"] + used["spent_usd"] if used else 0.0
    return (budget.max_tokens is not None and tokens + hold.tokens > budget.max_tokens) or (
        budget.max_cost_usd is not None and usd + hold.usd > budget.max_cost_usd
    )
