"""Put a new queue into the file."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

import orjson

from storage.tables.table import row_id
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.params import QueueParams
from tasks.annotation.queue.change_queue import check_name_is_free
from tasks.annotation.queue.time_text import time_text


def queue_id_of(name: str, contents: Sequence[bytes], params: QueueParams) -> str:
    """Return the id of a queue, the same for the same name, items and parameters."""
    digests = [sha256(content).hexdigest() for content in contents]
    return row_id(name, digests, params.model_dump(mode="json"))


def insert_queue(
    connection: sqlite3.Connection,
    name: str,
    items: Sequence[ComparisonItem],
    contents: Sequence[bytes],
    params: QueueParams,
    origin: str,
) -> str:
    """Return the id of the queue, which is there and open from now on.

    Raises:
        InputError: another queue of this name is open.
    """
    queue_id = queue_id_of(name, contents, params)
    check_name_is_free(connection, name, queue_id)
    known = connection.execute(
        "UPDATE queues SET is_open = 1 WHERE queue_id = ? RETURNING queue", (queue_id,)
    ).fetchone()
    if known is None:
        num_gold = sum(item.gold is not None for item in items)
        queue = connection.execute(
            "INSERT INTO queues (queue_id, name, origin, params, created_at, is_open, num_items, "
            "num_gold, num_labels, num_wanted) VALUES (?, ?, ?, ?, ?, 1, ?, ?, 0, ?)",
            (
                queue_id,
                name,
                origin.encode("utf-8", "replace").decode(),  # the path of a file may be anything
                params.model_dump_json(),
                time_text(datetime.now(UTC)),
                len(items),
                num_gold,
                (len(items) - num_gold) * params.overlap,
            ),
        ).lastrowid
        _insert_items(connection, queue or 0, items, contents, params.overlap)
    return queue_id


def _insert_items(
    connection: sqlite3.Connection,
    queue: int,
    items: Sequence[ComparisonItem],
    contents: Sequence[bytes],
    overlap: int,
) -> None:
    first = connection.execute("SELECT COALESCE(MAX(item), 0) + 1 FROM items").fetchone()[0]
    connection.executemany(
        "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
        (
            (
                first + position,
                queue,
                item.item_id,
                item.prompt_id,
                orjson.dumps([response.completion_id for response in item.responses]).decode(),
                position,
                item.gold is not None,
                overlap,
            )
            for position, item in enumerate(items)
        ),
    )
    connection.executemany("INSERT INTO contents VALUES (?, ?)", enumerate(contents, first))
