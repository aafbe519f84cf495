"""A queue with a clock that only the test moves, and people who are called by name."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.params import QueueParams
from tasks.annotation.queue.assignment import Assignment, GivenLabel, NothingLeft
from tasks.annotation.queue.queue_state import QueueState
from tasks.annotation.queue.queues import Queues, open_queues
from tests.tasks.annotation.small_items import small_items

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Desk:
    """One open queue; `now` is what the time is."""

    queues: Queues
    queue_id: str
    items: list[ComparisonItem]
    now: datetime = NOON

    def wait(self, *, seconds: float = 0.0, minutes: float = 0.0) -> None:
        self.now += timedelta(seconds=seconds, minutes=minutes)

    def hurry(self) -> None:
        """Do not wait for the disk in this thread, where neither kills nor power cuts are of interest."""
        self.queues._database._connection().execute("PRAGMA synchronous=OFF")

    def person(self, name: str) -> int:
        return self.queues.annotator(name).annotator_id

    def next(self, name: str) -> Assignment | NothingLeft:
        return self.queues.next_item(self.queue_id, self.person(name), self.now)

    def number(self, name: str) -> int:
        """Return which item the person gets."""
        got = self.next(name)
        assert isinstance(got, Assignment), got
        return self.items.index(got.item)

    def give(self, name: str, number: int, choice: str = "a", **said: Any) -> HumanLabel:
        label = GivenLabel(item_id=self.items[number].item_id, choice=choice, **said)
        return self.queues.give(self.queue_id, self.person(name), label, self.now)

    def give_next(self, name: str, choice: str = "a") -> int:
        """Return which item the person got and labelled."""
        number = self.number(name)
        self.give(name, number, choice)
        return number

    def undo(self, name: str) -> Assignment | NothingLeft:
        return self.queues.undo(self.queue_id, self.person(name), self.now)

    def undone(self, name: str) -> int:
        """Return which item the person has back."""
        got = self.undo(name)
        assert isinstance(got, Assignment), got
        return self.items.index(got.item)

    def said(self) -> list[tuple[str, int, str]]:
        """Return who said what of which item, in the order of time."""
        numbers = {item.item_id: number for number, item in enumerate(self.items)}
        labels = self.queues.labels(self.queue_id)
        return [(label.annotator, numbers[label.comparison_id], label.choice) for label in labels]

    def state(self) -> QueueState:
        return self.queues.queue(self.queue_id)


def desk(
    folder: Path, count: int = 5, *, items: list[ComparisonItem] | None = None, **params: Any
) -> Desk:
    """Return a queue of `count` small items under the parameters, in a file of its own."""
    items = small_items(count) if items is None else items
    queues = open_queues(folder / "queues.sqlite")
    state = queues.publish("the queue", items, QueueParams(**params), origin="a test")
    return Desk(queues, state.queue_id, items)
