"""Open and close queues, and write down who waits for their labels."""

import sqlite3
from datetime import datetime

from storage.input_error import InputError
from tasks.annotation.queue.find_queue import queue_row
from tasks.annotation.queue.time_text import time_text


def check_name_is_free(connection: sqlite3.Connection, name: str, queue_id: str) -> None:
    """Check that no other open queue has the name.

    Raises:
        InputError: one has.
    """
    other = connection.execute(
        "SELECT queue_id FROM queues WHERE is_open AND name = ? AND queue_id <> ?", (name, queue_id)
    ).fetchone()
    if other is not None:
        raise InputError(
            f"another queue {name!r} is open, {other['queue_id']}, with other items or parameters; "
            "give another name, or close that one first"
        )


def set_open(connection: sqlite3.Connection, queue_id: str, *, is_open: bool) -> None:
    """Open or close a queue.

    Raises:
        InputError: there is no such queue, or another one of its name is open.
    """
    row = queue_row(connection, queue_id)
    if is_open:
        check_name_is_free(connection, row["name"], queue_id)
    connection.execute("UPDATE queues SET is_open = ? WHERE queue = ?", (is_open, row["queue"]))


def set_waiting(
    connection: sqlite3.Connection,
    queue_id: str,
    min_labels: int | None,
    deadline: datetime | None,
    flow_run_id: str | None,
) -> None:
    """Write down what is waited for and who waits; all null if nobody does.

    Raises:
        InputError: there is no such queue.
    """
    until = deadline and time_text(deadline)
    connection.execute(
        "UPDATE queues SET min_labels = ?, deadline = ?, flow_run_id = ? WHERE queue = ?",
        (min_labels, until, flow_run_id, queue_row(connection, queue_id)["queue"]),
    )
