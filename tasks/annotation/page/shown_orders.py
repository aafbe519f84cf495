"""Which answer stands where on a person's screen, for a label that comes in positions."""

from datetime import datetime
from threading import Lock

from tasks.annotation.queue.assignment import Assignment, NothingLeft
from tasks.annotation.queue.label_error import LeaseLostError, QueueClosedError
from tasks.annotation.queue.queue_state import Annotator
from tasks.annotation.queue.queues import Queues

_MOST_KEPT = 10_000


class ShownOrders:
    """Remembers the orders on the screens that were handed out, and finds them after a restart."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._kept: dict[tuple[str, int, str], str] = {}
        self._lock = Lock()

    def keep(self, queue_id: str, annotator: Annotator, shown: Assignment) -> None:
        """Remember the order of a screen; it never changes for the same person and item."""
        with self._lock:
            self._kept[queue_id, annotator.annotator_id, shown.item.item_id] = shown.shown_order
            if len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]

    def order(self, queue_id: str, annotator: Annotator, item_id: str, now: datetime) -> str:
        """Return the letters of an item in the order on this person's screen.

        Raises:
            UnknownItemError: the queue has no such item.
            LeaseLostError, QueueClosedError: it is not on this person's screen any more.
        """
        kept = self._kept.get((queue_id, annotator.annotator_id, item_id))
        if kept is not None:
            return kept
        self._queues.item(queue_id, item_id)
        held = self._queues.next_item(queue_id, annotator.annotator_id, now)
        if isinstance(held, Assignment) and held.item.item_id == item_id:
            self.keep(queue_id, annotator, held)
            return held.shown_order
        # Labelled already: the reply was lost, and the page sends it again.
        for label in self._queues.labels(queue_id):
            if (label.comparison_id, label.annotator) == (item_id, annotator.name):
                return label.shown_order
        if isinstance(held, NothingLeft) and held.reason == "closed":
            raise QueueClosedError("This queue is closed and takes no labels any more.")
        raise LeaseLostError(
            "This comparison is not in front of you any more, so your answer was not saved; go on "
            "with the next one."
        )
