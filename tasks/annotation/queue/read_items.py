"""Items as the file of queues has them."""

import sqlite3
from typing import Any

import orjson

from storage.tables.table import Message
from tasks.annotation.comparison_item import ComparisonItem, Response
from tasks.annotation.queue.labelled_item import known_item


def encoded(item: ComparisonItem) -> bytes:
    """Return an item as JSON.

    Raises:
        TypeError: a text of it is not valid Unicode (a lone surrogate).
    """
    return orjson.dumps(item)


def decoded(content: bytes) -> ComparisonItem:
    """Return the item that `encoded` made JSON of."""
    fields: dict[str, Any] = orjson.loads(content)
    messages = tuple(Message(**message) for message in fields.pop("messages"))
    responses = tuple(Response(**response) for response in fields.pop("responses"))
    return ComparisonItem(messages=messages, responses=responses, **fields)


def items_of_queue(connection: sqlite3.Connection, queue: int) -> list[ComparisonItem]:
    """Return the items of a queue in their order."""
    rows = connection.execute(
        "SELECT content FROM items JOIN contents USING (item) WHERE queue = ? ORDER BY position",
        (queue,),
    )
    return [decoded(row["content"]) for row in rows]


def item_of_queue(connection: sqlite3.Connection, queue: int, item_id: str) -> ComparisonItem:
    """Return one item of a queue.

    Raises:
        UnknownItemError: the queue has no such item.
    """
    item = known_item(connection, queue, item_id)
    return content_of(connection, item.item)


def content_of(connection: sqlite3.Connection, item: int) -> ComparisonItem:
    """Return the item of this key, which there is."""
    row = connection.execute("SELECT content FROM contents WHERE item = ?", (item,)).fetchone()
    return decoded(row["content"])
