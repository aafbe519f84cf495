"""One person at one queue, within a transaction."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from tasks.annotation.params import QueueParams
from tasks.annotation.queue.find_queue import params_of, queue_row
from tasks.annotation.queue.people import name_of
from tasks.annotation.queue.shown_order import order_on_screen
from tasks.annotation.queue.time_text import time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What every step of handing out and labelling needs to know; it lives as long as a transaction.

    `queue` and `annotator` are keys of their tables.
    """

    connection: sqlite3.Connection
    queue: int
    queue_id: str
    is_open: bool
    params: QueueParams
    num_items: int
    annotator: int
    name: str
    now: datetime

    @property
    def seconds(self) -> float:
        """The time as seconds since 1970."""
        return self.now.timestamp()

    @property
    def now_text(self) -> str:
        """The time as labels carry it."""
        return time_text(self.now)

    def shown_order(self, item_id: str, letters: str) -> str:
        """Return the letters in the order on this person's screen."""
        return order_on_screen(self.connection, item_id, self.name, letters)


def begun_turn(
    connection: sqlite3.Connection, queue_id: str, annotator_id: int, now: datetime
) -> Turn:
    """Return the turn of a person who is at the queue from now on, if they were not before.

    Raises:
        InputError: there is no such queue or person.
    """
    row = queue_row(connection, queue_id)
    name = name_of(connection, annotator_id)
    connection.execute(
        "INSERT OR IGNORE INTO turns (queue, annotator) VALUES (?, ?)", (row["queue"], annotator_id)
    )
    return Turn(
        connection=connection,
        queue=row["queue"],
        queue_id=queue_id,
        is_open=bool(row["is_open"]),
        params=params_of(row),
        num_items=row["num_items"],
        annotator=annotator_id,
        name=name,
        now=now,
    )
