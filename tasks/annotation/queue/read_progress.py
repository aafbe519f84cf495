"""How far a person and their queue are."""

import sqlite3
from statistics import fmean, median

from tasks.annotation.queue.find_queue import queue_row
from tasks.annotation.queue.queue_state import Progress
from tasks.annotation.queue.take_back import last_label

_LAST = 50
_SECONDS_PER_HOUR = 3600.0


def read_progress(
    connection: sqlite3.Connection, queue_id: str, annotator_id: int, seconds: float
) -> Progress:
    """Return how far a person and their queue are at the time `seconds`.

    Raises:
        InputError: there is no such queue.
    """
    row = queue_row(connection, queue_id)
    turn = connection.execute(
        "SELECT num_settled FROM turns WHERE queue = ? AND annotator = ?",
        (row["queue"], annotator_id),
    ).fetchone()
    taken = connection.execute(
        "SELECT seconds FROM labels INDEXED BY labels_of_person WHERE queue = ? AND annotator = ? "
        "AND is_adjudication = 0 ORDER BY labelled_at DESC, label DESC LIMIT ?",
        (row["queue"], annotator_id, _LAST),
    ).fetchall()
    last = [label["seconds"] for label in taken]
    mean = fmean(last) if last else 0.0
    can_undo = row["is_open"] and last_label(connection, row["queue"], annotator_id, seconds)
    return Progress(
        mine=turn["num_settled"] if turn else 0,
        num_labels=row["num_labels"],
        num_wanted=row["num_wanted"],
        per_hour=_SECONDS_PER_HOUR / mean if mean else None,
        median_seconds=median(last) if last else None,
        can_undo=bool(can_undo),
    )
