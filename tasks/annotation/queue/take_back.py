"""Take a person's last label back."""

import sqlite3

from tasks.annotation.queue.assignment import Assignment, NothingLeft
from tasks.annotation.queue.next_item import handed_out, next_item
from tasks.annotation.queue.read_labels import given_label
from tasks.annotation.queue.turn import Turn
from tasks.annotation.queue.write_label import take_out

# A label gives its place back to the person who takes it back. A skip had none: if others have
# taken all places of the item since, nothing is left to decide, and the skip stays.
_LAST_LABEL = (
    "SELECT labels.*, items.item_id FROM labels JOIN items USING (item) "
    "WHERE labels.queue = ? AND labels.annotator = ? AND is_adjudication = 0 "
    "AND (choice <> 'skip' OR is_gold = 1 OR missing > (SELECT COUNT(*) FROM sights "
    "WHERE sights.item = labels.item AND sights.annotator <> labels.annotator AND held_until > ?)) "
    "ORDER BY labelled_at DESC, label DESC LIMIT 1"
)


def take_back(turn: Turn) -> Assignment | NothingLeft:
    """Return the item of the person's last label, which does not count any more.

    It is kept for them as if they had not labelled it yet. Where there is no label to take back, it
    is what they have in hand, or the next item.
    """
    if not turn.is_open:
        return NothingLeft("closed")
    label = last_label(turn.connection, turn.queue, turn.annotator, turn.seconds)
    if label is None:
        return next_item(turn)
    take_out(turn.connection, label, turn.now_text)
    return handed_out(turn, label["item"], before=given_label(label, label["item_id"]))


def last_label(
    connection: sqlite3.Connection, queue: int, annotator: int, seconds: float
) -> sqlite3.Row | None:
    """Return the last label that a person can take back at the time `seconds`, null if none."""
    row: sqlite3.Row | None = connection.execute(
        _LAST_LABEL, (queue, annotator, seconds)
    ).fetchone()
    return row
