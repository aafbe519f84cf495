"""Put labels into a queue that were given elsewhere."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from storage.input_error import InputError
from storage.tables.labels import HumanLabel
from tasks.annotation.queue.assignment import GivenLabel
from tasks.annotation.queue.check_label import completed
from tasks.annotation.queue.find_queue import queue_row
from tasks.annotation.queue.label_error import LabelError
from tasks.annotation.queue.labelled_item import LabelledItem, labelled_item
from tasks.annotation.queue.leases import end_excess
from tasks.annotation.queue.people import annotator_called
from tasks.annotation.queue.time_text import time_text
from tasks.annotation.queue.write_label import NewLabel, label_before, put_label


def add_labels(connection: sqlite3.Connection, queue_id: str, labels: Sequence[HumanLabel]) -> int:
    """Return how many of the labels were new, or newer than the person's own on the same item.

    Those are kept, the others left out. An item may get more labels than the overlap asks for.

    Raises:
        InputError: a label fits no item of the queue; then none is kept.
    """
    queue = queue_row(connection, queue_id)["queue"]
    return sum(_add(connection, queue, queue_id, label) for label in labels)


def _add(connection: sqlite3.Connection, queue: int, queue_id: str, label: HumanLabel) -> bool:
    item = labelled_item(connection, queue, label.comparison_id)
    if item is None:
        raise InputError(
            f"the queue {queue_id} has no item {label.comparison_id!r}, which {label.annotator!r} "
            "labelled; give the labels to the queue that they were made for"
        )
    new = NewLabel(
        queue=queue,
        item=item.item,
        annotator=annotator_called(connection, label.annotator, "annotator").annotator_id,
        said=_said(label, item),
        shown_order=_shown_order(label, item),
        seconds=label.seconds,
        labelled_at=_labelled_at(label),
        is_adjudication=label.is_adjudication,
    )
    before = label_before(connection, new)
    if before is not None and before["labelled_at"] >= new.labelled_at:
        return False
    put_label(connection, new, before)
    if not item.is_gold:
        end_excess(connection, item.item)
    return True


def _said(label: HumanLabel, item: LabelledItem) -> GivenLabel:
    if label.completions != item.completions:
        raise _unfit(label, f"it compares {label.completions} and not {item.completions}")
    strength = label.strength
    if strength not in {None, "slight", "clear"}:
        raise _unfit(label, f"there is no strength {strength!r}, only slight, clear and null")
    given = GivenLabel(
        item_id=item.item_id,
        choice=label.choice,
        worst=label.worst,
        strength=strength,  # type: ignore[arg-type]  # checked above
        note=label.note,
        seconds=label.seconds,
    )
    try:
        return completed(given, item.sides)
    except LabelError as error:
        raise _unfit(label, str(error)) from error


def _shown_order(label: HumanLabel, item: LabelledItem) -> str:
    if sorted(label.shown_order) != list(item.sides):
        raise _unfit(
            label, f"its order {label.shown_order!r} has not each of {item.sides!r} exactly once"
        )
    return label.shown_order


def _labelled_at(label: HumanLabel) -> str:
    try:
        time = datetime.fromisoformat(label.labelled_at)
    except ValueError as error:
        raise _unfit(label, f"its time {label.labelled_at!r} is not ISO 8601") from error
    return time_text(time if time.tzinfo else time.replace(tzinfo=UTC))


def _unfit(label: HumanLabel, why: str) -> InputError:
    return InputError(
        f"the label of {label.annotator!r} on the item {label.comparison_id!r} cannot be taken: "
        f"{why}; mend it or leave it out"
    )
