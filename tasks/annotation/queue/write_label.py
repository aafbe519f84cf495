"""Labels go into the file and out of it, and the counts with them."""

import sqlite3
from dataclasses import dataclass

from tasks.annotation.queue.assignment import GivenLabel
from tasks.annotation.queue.leases import let_go

_COLUMNS = (
    "queue, item, annotator, choice, worst, strength, note, shown_order, seconds, labelled_at, "
    "is_adjudication"
)

_LOWER_GOLD = "gold_from = :position WHERE queue = :queue AND gold_from > :position"
_LOWER_ORDINARY = (
    "begun_from = MIN(begun_from, :position), fresh_from = MIN(fresh_from, :position) "
    "WHERE queue = :queue AND MAX(begun_from, fresh_from) > :position"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLabel:
    """A label that goes into the file; `said` is complete, `labelled_at` in UTC."""

    queue: int
    item: int
    annotator: int
    said: GivenLabel
    shown_order: str
    seconds: float
    labelled_at: str
    is_adjudication: bool = False


def label_before(connection: sqlite3.Connection, new: NewLabel) -> sqlite3.Row | None:
    """Return the label that `new` would replace: the person's own, or the item's adjudication."""
    whose = (
        "is_adjudication = 1" if new.is_adjudication else "annotator = ? AND is_adjudication = 0"
    )
    row: sqlite3.Row | None = connection.execute(
        f"SELECT * FROM labels WHERE item = ? AND {whose}",  # noqa: S608  - constants
        (new.item,) if new.is_adjudication else (new.item, new.annotator),
    ).fetchone()
    return row


def put_label(connection: sqlite3.Connection, new: NewLabel, before: sqlite3.Row | None) -> int:
    """Return the key of the label, which is in the file now; `before` is kept as a former one."""
    if before is not None:
        _move_away(connection, before, "a later label", new.labelled_at)
    said = new.said
    key = connection.execute(
        f"INSERT INTO labels ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  - constants
        (
            new.queue,
            new.item,
            new.annotator,
            said.choice,
            said.worst,
            said.strength,
            said.note,
            new.shown_order,
            new.seconds,
            new.labelled_at,
            new.is_adjudication,
        ),
    ).lastrowid
    if not new.is_adjudication:
        let_go(connection, new.item, new.annotator)
        if before is None:
            _count_settled(connection, new.queue, new.annotator, 1)
        _recount(connection, new.item)
    return key or 0


def take_out(connection: sqlite3.Connection, label: sqlite3.Row, at: str) -> None:
    """Take a person's label back; it does not count any more, and is kept as a former one."""
    _move_away(connection, label, "undo", at)
    _count_settled(connection, label["queue"], label["annotator"], -1)
    _recount(connection, label["item"])
    _look_again(connection, label["item"])


def _move_away(connection: sqlite3.Connection, label: sqlite3.Row, by: str, at: str) -> None:
    connection.execute(
        f"INSERT INTO former_labels ({_COLUMNS}, ended_by, ended_at) "  # noqa: S608  - constants
        f"SELECT {_COLUMNS}, ?, ? FROM labels WHERE label = ?",
        (by, at, label["label"]),
    )
    connection.execute("DELETE FROM labels WHERE label = ?", (label["label"],))


def _count_settled(connection: sqlite3.Connection, queue: int, annotator: int, by: int) -> None:
    connection.execute(
        "INSERT INTO turns (queue, annotator, num_settled) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (queue, annotator) DO UPDATE SET num_settled = num_settled + ?3",
        (queue, annotator, by),
    )


def _recount(connection: sqlite3.Connection, item: int) -> None:
    """Bring the counts of an ordinary item and of its queue up to date."""
    row = connection.execute(
        "SELECT queue, is_gold, num_labels, missing, (SELECT COUNT(*) FROM labels WHERE "
        "labels.item = items.item AND is_adjudication = 0 AND choice <> 'skip') AS counted "
        "FROM items WHERE item = ?",
        (item,),
    ).fetchone()
    more = row["counted"] - row["num_labels"]
    if row["is_gold"] or not more:
        return
    connection.execute(
        "UPDATE items SET num_labels = num_labels + ?1, missing = missing - ?1 WHERE item = ?2",
        (more, item),
    )
    connection.execute(
        "UPDATE queues SET num_labels = num_labels + ? WHERE queue = ?", (more, row["queue"])
    )
    is_begun, was_full = row["num_labels"] == 0, row["missing"] <= 0
    if is_begun or was_full or row["counted"] == 0:
        _look_again(connection, item)


def _look_again(connection: sqlite3.Connection, item: int) -> None:
    """Let searches come by an item again that may be open now to who passed over it before."""
    row = connection.execute(
        "SELECT queue, position, is_gold FROM items WHERE item = ?", (item,)
    ).fetchone()
    lowered = _LOWER_GOLD if row["is_gold"] else _LOWER_ORDINARY
    connection.execute(
        f"UPDATE turns SET {lowered} AND NOT EXISTS (SELECT 1 FROM labels WHERE "  # noqa: S608  - constants
        "labels.item = :item AND labels.annotator = turns.annotator AND is_adjudication = 0)",
        {"queue": row["queue"], "position": row["position"], "item": item},
    )
