"""Queues of comparisons in one SQLite file, for many threads and processes at once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.params import QueueParams
from tasks.annotation.queue import change_queue, find_queue, people
from tasks.annotation.queue.add_labels import add_labels
from tasks.annotation.queue.assignment import Assignment, GivenLabel, NothingLeft
from tasks.annotation.queue.check_items import checked_contents
from tasks.annotation.queue.database import QueueDatabase
from tasks.annotation.queue.find_queue import queue_row
from tasks.annotation.queue.give_label import adjudicate, give_label
from tasks.annotation.queue.labelled_item import known_item
from tasks.annotation.queue.next_item import next_item
from tasks.annotation.queue.people import NewAnnotator, Role
from tasks.annotation.queue.publish import insert_queue
from tasks.annotation.queue.queue_state import Annotator, Progress, QueueState
from tasks.annotation.queue.read_items import item_of_queue, items_of_queue
from tasks.annotation.queue.read_labels import labels_of_queue
from tasks.annotation.queue.read_progress import read_progress
from tasks.annotation.queue.shown_order import order_on_screen
from tasks.annotation.queue.take_back import take_back
from tasks.annotation.queue.turn import Turn, begun_turn


def open_queues(path: Path) -> "Queues":
    """Return the queues in the SQLite file `path`, which is made if it does not exist.

    The file must be on a local disk: SQLite's locks do not hold on network file systems.

    Raises:
        InputError: the file cannot be opened, or is not one of queues.
    """
    return Queues(QueueDatabase(path))


class Queues:
    """Made by `open_queues`; may be used by any number of threads and processes.

    Whatever is written is on disk when the call returns. Times are in UTC, aware of it. Where a
    queue or a person is named that does not exist, every method raises an InputError, and an OSError
    that names the file where it cannot be read or written.
    """

    def __init__(self, database: QueueDatabase) -> None:
        self._database = database

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self._database.path

    def disconnect(self) -> None:
        """Close what the calling thread has open of the file; what other threads have ends with them."""
        self._database.close()

    def publish(
        self, name: str, items: Sequence[ComparisonItem], params: QueueParams, *, origin: str
    ) -> QueueState:
        """Return the queue, open from now on; published before, it keeps its labels.

        Raises:
            InputError: an item is unfit, there is none to label, or another open queue has the name.
        """
        contents = checked_contents(name, items)
        with self._database.writing() as connection:
            queue_id = insert_queue(connection, name, items, contents, params, origin)
            return find_queue.found_queue(connection, queue_id)

    def queues(self) -> list[QueueState]:
        """Return all queues, the newest first."""
        with self._database.reading() as connection:
            return find_queue.all_queues(connection)

    def queue(self, reference: str) -> QueueState:
        """Return the queue that an id, the start of one, a name or `latest` means.

        A name means the newest of that name, `latest` the newest that is open, otherwise the newest.

        Raises:
            InputError: it means none, or several.
        """
        with self._database.reading() as connection:
            return find_queue.found_queue(connection, reference)

    def close(self, queue_id: str) -> None:
        """Let a queue take no labels any more."""
        with self._database.writing() as connection:
            change_queue.set_open(connection, queue_id, is_open=False)

    def reopen(self, queue_id: str) -> None:
        """Let a queue take labels again.

        Raises:
            InputError: another open queue has its name.
        """
        with self._database.writing() as connection:
            change_queue.set_open(connection, queue_id, is_open=True)

    def wait_for(
        self, queue_id: str, *, min_labels: int, deadline: datetime, flow_run_id: str | None
    ) -> None:
        """Write down which labels are waited for, until when and by which run."""
        with self._database.writing() as connection:
            change_queue.set_waiting(connection, queue_id, min_labels, deadline, flow_run_id)

    def stop_waiting(self, queue_id: str) -> None:
        """Write down that nobody waits for the labels of a queue."""
        with self._database.writing() as connection:
            change_queue.set_waiting(connection, queue_id, None, None, None)

    def due(self, now: datetime) -> list[QueueState]:
        """Return the queues for which a run waits that can go on, the newest first."""
        return [queue for queue in self.queues() if queue.flow_run_id and queue.is_due(now)]

    def items(self, queue_id: str) -> list[ComparisonItem]:
        """Return the items of a queue in their order."""
        with self._database.reading() as connection:
            return items_of_queue(connection, queue_row(connection, queue_id)["queue"])

    def item(self, queue_id: str, item_id: str) -> ComparisonItem:
        """Return one item.

        Raises:
            UnknownItemError: the queue has no such item.
        """
        with self._database.reading() as connection:
            return item_of_queue(connection, queue_row(connection, queue_id)["queue"], item_id)

    def labels(self, queue_id: str) -> list[HumanLabel]:
        """Return all labels that count, also skips, gold and adjudications, the oldest first."""
        with self._database.reading() as connection:
            return labels_of_queue(connection, queue_row(connection, queue_id)["queue"])

    def annotators(self) -> list[Annotator]:
        """Return everybody, those who came first first."""
        with self._database.reading() as connection:
            return people.annotators(connection)

    def annotator(self, name: str, role: Role = "annotator") -> Annotator:
        """Return the person of that name, made with `role` and no token if there is none.

        Who exists keeps their role and their token.

        Raises:
            InputError: this cannot be a name.
        """
        with self._database.writing() as connection:
            return people.annotator_called(connection, name, role)

    def invite(self, name: str, role: Role) -> NewAnnotator:
        """Return the person of that name, with `role` and a new token; an earlier one is void.

        Raises:
            InputError: this cannot be a name.
        """
        with self._database.writing() as connection:
            return people.invite(connection, name, role)

    def who(self, token: str) -> Annotator | None:
        """Return whose token it is, null if nobody's."""
        with self._database.reading() as connection:
            return people.who(connection, token)

    def next_item(
        self, queue_id: str, annotator_id: int, now: datetime
    ) -> Assignment | NothingLeft:
        """Return what the person has in hand, otherwise the next item, kept for them from now on."""
        with self._turn(queue_id, annotator_id, now) as turn:
            return next_item(turn)

    def shown_order(self, queue_id: str, annotator_id: int, item_id: str) -> str:
        """Return the letters of an item in the order on the person's screen, now and later.

        Raises:
            UnknownItemError: the queue has no such item.
        """
        with self._database.reading() as connection:
            item = known_item(connection, queue_row(connection, queue_id)["queue"], item_id)
            name = people.name_of(connection, annotator_id)
            return order_on_screen(connection, item_id, name, item.sides)

    def give(
        self, queue_id: str, annotator_id: int, label: GivenLabel, now: datetime
    ) -> HumanLabel:
        """Return the label as it is kept.

        A label of the same person and item replaces theirs; one that says the same changes nothing.

        Raises:
            LabelError: it cannot be taken; the message is for the person.
        """
        with self._turn(queue_id, annotator_id, now) as turn:
            return give_label(turn, label)

    def undo(self, queue_id: str, annotator_id: int, now: datetime) -> Assignment | NothingLeft:
        """Return the item of the person's last label, which does not count any more.

        Where there is none to take back, it is what `next_item` returns.
        """
        with self._turn(queue_id, annotator_id, now) as turn:
            return take_back(turn)

    def progress(self, queue_id: str, annotator_id: int) -> Progress:
        """Return how far a person and their queue are."""
        with self._database.reading() as connection:
            return read_progress(connection, queue_id, annotator_id, time.time())

    def adjudicate(
        self, queue_id: str, annotator_id: int, label: GivenLabel, now: datetime
    ) -> HumanLabel:
        """Return the label that settles an item, in place of an earlier one that did.

        Raises:
            LabelError: it cannot be taken; the message is for the person.
        """
        with self._turn(queue_id, annotator_id, now) as turn:
            return adjudicate(turn, label)

    def add_labels(self, queue_id: str, labels: Sequence[HumanLabel]) -> int:
        """Return how many labels were new, or newer than the person's own on the same item.

        Those are kept, the others left out. An item may get more labels than the overlap asks for,
        and a closed queue takes them as well.

        Raises:
            InputError: a label fits no item of the queue; then none is kept.
        """
        with self._database.writing() as connection:
            return add_labels(connection, queue_id, labels)

    @contextmanager
    def _turn(self, queue_id: str, annotator_id: int, now: datetime) -> Iterator[Turn]:
        with self._database.writing() as connection:
            yield begun_turn(connection, queue_id, annotator_id, now)
