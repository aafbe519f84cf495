"""Labels as the rest of the program knows them."""

import sqlite3

import orjson

from storage.tables.labels import HumanLabel
from tasks.annotation.queue.assignment import GivenLabel

_LABELS = (
    "SELECT labels.*, items.item_id, items.prompt_id, items.completions, items.is_gold, "
    "annotators.name, queues.queue_id FROM labels JOIN items USING (item) "
    "JOIN annotators USING (annotator) JOIN queues ON queues.queue = labels.queue "
)


def labels_of_queue(connection: sqlite3.Connection, queue: int) -> list[HumanLabel]:
    """Return all labels of a queue, the oldest first."""
    rows = connection.execute(
        f"{_LABELS} WHERE labels.queue = ? ORDER BY labelled_at, label", (queue,)
    )
    return [_label(row) for row in rows]


def label_of_key(connection: sqlite3.Connection, key: int) -> HumanLabel:
    """Return one label."""
    return _label(connection.execute(f"{_LABELS} WHERE label = ?", (key,)).fetchone())


def given_label(row: sqlite3.Row, item_id: str) -> GivenLabel:
    """Return what the person of a label's row said."""
    return GivenLabel(
        item_id=item_id,
        choice=row["choice"],
        worst=row["worst"],
        strength=row["strength"],
        note=row["note"],
        seconds=row["seconds"],
    )


def _label(row: sqlite3.Row) -> HumanLabel:
    return HumanLabel(
        comparison_id=row["item_id"],
        prompt_id=row["prompt_id"],
        completions=tuple(orjson.loads(row["completions"])),
        annotator=row["name"],
        choice=row["choice"],
        worst=row["worst"],
        strength=row["strength"],
        shown_order=row["shown_order"],
        seconds=row["seconds"],
        note=row["note"],
        is_gold=bool(row["is_gold"]),
        is_adjudication=bool(row["is_adjudication"]),
        queue=row["queue_id"],
        labelled_at=row["labelled_at"],
    )
