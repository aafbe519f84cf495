"""What taking a label needs to know of its item."""

import sqlite3
from dataclasses import dataclass

import orjson

from tasks.annotation.comparison_item import SIDES
from tasks.annotation.queue.label_error import UnknownItemError


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledItem:
    """An item without its texts; `item` is its key."""

    item: int
    item_id: str
    completions: tuple[str, ...]
    is_gold: bool

    @property
    def sides(self) -> str:
        """The letters of the answers."""
        return SIDES[: len(self.completions)]


def labelled_item(connection: sqlite3.Connection, queue: int, item_id: str) -> LabelledItem | None:
    """Return an item of a queue, null if it has no such."""
    if not item_id.isascii():  # what comes over the wire need not even be valid Unicode
        return None
    row = connection.execute(
        "SELECT item, completions, is_gold FROM items WHERE queue = ? AND item_id = ?",
        (queue, item_id),
    ).fetchone()
    return row and LabelledItem(
        item=row["item"],
        item_id=item_id,
        completions=tuple(orjson.loads(row["completions"])),
        is_gold=bool(row["is_gold"]),
    )


def known_item(connection: sqlite3.Connection, queue: int, item_id: str) -> LabelledItem:
    """Return an item of a queue.

    Raises:
        UnknownItemError: the queue has no such item.
    """
    item = labelled_item(connection, queue, item_id)
    if item is None:
        raise UnknownItemError(
            f"this queue has no comparison {item_id[:40]!r}; go on with the next one"
        )
    return item
