"""Queues: which there are, which one is meant, and whether they are open or waited for."""

import sqlite3
from datetime import datetime

from storage.input_error import InputError
from tasks.annotation.params import QueueParams
from tasks.annotation.queue.queue_state import QueueState

LATEST = "latest"
_SHORTEST_PREFIX = 4
_MOST_LISTED = 10


def all_queues(connection: sqlite3.Connection) -> list[QueueState]:
    """Return all queues, the newest first."""
    return [_state(row) for row in connection.execute("SELECT * FROM queues ORDER BY queue DESC")]


def found_queue(connection: sqlite3.Connection, reference: str) -> QueueState:
    """Return the queue that `reference` means: an id, the start of one, a name, or `latest`.

    Raises:
        InputError: it means none, or several.
    """
    queues = all_queues(connection)
    exact = [queue for queue in queues if queue.queue_id == reference]
    if reference == LATEST:
        exact = [queue for queue in queues if queue.is_open] or queues
    named = exact or [queue for queue in queues if queue.name == reference]
    if named:
        return named[0]
    begun = [queue for queue in queues if queue.queue_id.startswith(reference)]
    if len(begun) == 1 and len(reference) >= _SHORTEST_PREFIX:
        return begun[0]
    if len(begun) > 1 and len(reference) >= _SHORTEST_PREFIX:
        raise InputError(
            f"several queues begin with {reference!r}: {_listed(begun)}; give more of the id"
        )
    raise InputError(f"there is no queue {reference!r}; {_remedy(queues)}")


def queue_row(connection: sqlite3.Connection, queue_id: str) -> sqlite3.Row:
    """Return the row of the queue with exactly this id.

    Raises:
        InputError: there is none.
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM queues WHERE queue_id = ?", (queue_id,)
    ).fetchone()
    if row is None:
        raise InputError(f"there is no queue {queue_id!r}; {_remedy(all_queues(connection))}")
    return row


def _state(row: sqlite3.Row) -> QueueState:
    deadline = row["deadline"]
    return QueueState(
        queue_id=row["queue_id"],
        name=row["name"],
        origin=row["origin"],
        params=params_of(row),
        created_at=datetime.fromisoformat(row["created_at"]),
        is_open=bool(row["is_open"]),
        num_items=row["num_items"],
        num_gold=row["num_gold"],
        num_labels=row["num_labels"],
        num_wanted=row["num_wanted"],
        min_labels=row["min_labels"],
        deadline=deadline and datetime.fromisoformat(deadline),
        flow_run_id=row["flow_run_id"],
    )


def params_of(row: sqlite3.Row) -> QueueParams:
    """Return the parameters of a queue's row."""
    return QueueParams.model_validate_json(row["params"])


def _listed(queues: list[QueueState]) -> str:
    named = [f"{queue.queue_id} ({queue.name})" for queue in queues[:_MOST_LISTED]]
    more = len(queues) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _remedy(queues: list[QueueState]) -> str:
    if not queues:
        return "there are none yet: publish one first"
    return f"there are {_listed(queues)}: give an id, the start of one ({_SHORTEST_PREFIX} digits or more), a name or {LATEST!r}"
