"""Places of an item that are kept for people who have it on their screen."""

import sqlite3
from dataclasses import dataclass

from tasks.annotation.queue.turn import Turn

_SECONDS_PER_MINUTE = 60.0
_LIVE_LEASES_OF_OTHERS = (
    "SELECT COUNT(*) FROM sights WHERE item = ? AND annotator <> ? AND held_until > ?"
)


@dataclass(frozen=True, slots=True)
class Hold:
    """An item that a person holds; once it is not live any more, others may have taken its place."""

    item: int
    is_live: bool


def hold_of(turn: Turn) -> Hold | None:
    """Return what the person holds, null if nothing."""
    row = turn.connection.execute(
        "SELECT item, held_until FROM sights INDEXED BY held_items "
        "WHERE queue = ? AND annotator = ? AND held_until IS NOT NULL",
        (turn.queue, turn.annotator),
    ).fetchone()
    return row and Hold(row["item"], row["held_until"] > turn.seconds)


def first_seen(turn: Turn, item: int) -> float | None:
    """Return when the person first saw the item, null if never."""
    row = turn.connection.execute(
        "SELECT first_seen FROM sights WHERE item = ? AND annotator = ?", (item, turn.annotator)
    ).fetchone()
    return row and float(row["first_seen"])


def take_hold(turn: Turn, item: int) -> float:
    """Return when the person first saw the item, which they hold from now on, and no other."""
    turn.connection.execute(
        "UPDATE sights SET held_until = NULL "
        "WHERE queue = ? AND annotator = ? AND held_until IS NOT NULL AND item <> ?",
        (turn.queue, turn.annotator, item),
    )
    until = turn.seconds + turn.params.lease_minutes * _SECONDS_PER_MINUTE
    row = turn.connection.execute(
        "INSERT INTO sights (item, annotator, queue, first_seen, held_until) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (item, annotator) DO UPDATE SET held_until = excluded.held_until "
        "RETURNING first_seen",
        (item, turn.annotator, turn.queue, turn.seconds, until),
    ).fetchone()
    return float(row["first_seen"])


def let_go(connection: sqlite3.Connection, item: int, annotator: int) -> None:
    """Let a person hold the item no longer; when they first saw it stays known."""
    connection.execute(
        "UPDATE sights SET held_until = NULL WHERE item = ? AND annotator = ?", (item, annotator)
    )


def has_room(turn: Turn, item: int) -> bool:
    """Tell whether a place of an ordinary item is neither labelled nor kept for somebody else."""
    row = turn.connection.execute(
        f"SELECT missing > ({_LIVE_LEASES_OF_OTHERS}) FROM items WHERE item = ?",  # noqa: S608  - a constant
        (item, turn.annotator, turn.seconds, item),
    ).fetchone()
    return bool(row[0])


def end_lapsed(turn: Turn, item: int) -> None:
    """End the lapsed leases of others on an item of which a place is taken now.

    A request that waited for its turn comes with an earlier time: to it they would be live still,
    and the item would be labelled once too often.
    """
    turn.connection.execute(
        "UPDATE sights SET held_until = 0 WHERE item = ? AND annotator <> ? AND held_until <= ?",
        (item, turn.annotator, turn.seconds),
    )


def end_excess(connection: sqlite3.Connection, item: int) -> None:
    """End the leases for which labels from elsewhere have left no place, the oldest first."""
    connection.execute(
        "UPDATE sights SET held_until = 0 WHERE item = ? AND annotator IN ("
        "SELECT annotator FROM sights WHERE item = ? AND held_until > 0 "
        "ORDER BY held_until DESC LIMIT -1 OFFSET (SELECT MAX(missing, 0) FROM items WHERE item = ?))",
        (item, item, item),
    )
