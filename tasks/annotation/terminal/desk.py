"""One person's place at a queue."""

from datetime import UTC, datetime
from typing import NamedTuple

from tasks.annotation.queue.assignment import Assignment, GivenLabel, NothingLeft
from tasks.annotation.queue.label_error import (
    LeaseLostError,
    QueueClosedError,
    UnknownItemError,
)
from tasks.annotation.queue.queue_state import Progress
from tasks.annotation.queue.queues import Queues


class Next(NamedTuple):
    """What the person gets, and what they are to be told about what was before it."""

    found: Assignment | NothingLeft
    message: str = ""


class Desk:
    """What a terminal needs of the queues; `num_given` counts labels that were given and stand."""

    def __init__(self, queues: Queues, queue_id: str, annotator_id: int) -> None:
        self.num_given = 0
        self._queues = queues
        self._queue_id = queue_id
        self._annotator_id = annotator_id

    def next(self) -> Next:
        """Return the comparison that the person has in hand, otherwise the next one."""
        now = datetime.now(UTC)
        return Next(self._queues.next_item(self._queue_id, self._annotator_id, now))

    def give(self, label: GivenLabel) -> Next:
        """Return what comes after a label, which is on disk then.

        Raises:
            LabelError: it cannot be taken, but another one of the same comparison can.
            OSError: it could not be written.
        """
        try:
            self._queues.give(self._queue_id, self._annotator_id, label, datetime.now(UTC))
        except (LeaseLostError, UnknownItemError, QueueClosedError) as error:
            return Next(self.next().found, str(error))
        self.num_given += 1
        return self.next()

    def undo(self) -> Next | None:
        """Return the comparison of the person's last label, None if there is none to take back."""
        if not self.progress().can_undo:
            return None
        now = datetime.now(UTC)
        found = self._queues.undo(self._queue_id, self._annotator_id, now)
        self.num_given = max(self.num_given - 1, 0)
        return Next(found)

    def progress(self) -> Progress:
        """Return how far the person and the queue are."""
        return self._queues.progress(self._queue_id, self._annotator_id)
