"""Take what a person says about an item."""

import sqlite3

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import SKIP
from tasks.annotation.queue.assignment import GivenLabel
from tasks.annotation.queue.check_label import completed
from tasks.annotation.queue.label_error import (
    LabelError,
    LeaseLostError,
    QueueClosedError,
    TooEarlyError,
)
from tasks.annotation.queue.labelled_item import LabelledItem, known_item
from tasks.annotation.queue.leases import end_lapsed, first_seen, has_room, hold_of
from tasks.annotation.queue.read_labels import label_of_key
from tasks.annotation.queue.turn import Turn
from tasks.annotation.queue.write_label import NewLabel, label_before, put_label


def give_label(turn: Turn, label: GivenLabel) -> HumanLabel:
    """Return the label as it is kept; one that says what the last one said changes nothing.

    Raises:
        LabelError: it cannot be taken; the message says why.
    """
    item = known_item(turn.connection, turn.queue, label.item_id)
    said = completed(label, item.sides)
    elapsed = _elapsed_seconds(turn, item.item)
    new = _new_label(turn, item, said, seconds=min(said.seconds, elapsed))
    before = label_before(turn.connection, new)
    if before is not None and _says_the_same(before, said):
        return label_of_key(turn.connection, before["label"])
    _check_open(turn)
    if said.choice != SKIP:
        _check_reading_time(turn, elapsed)
        has_place = before is not None and before["choice"] != SKIP
        if not item.is_gold and not has_place:
            _take_place(turn, item.item)
    return label_of_key(turn.connection, put_label(turn.connection, new, before))


def adjudicate(turn: Turn, label: GivenLabel) -> HumanLabel:
    """Return the label that settles an item, in place of an earlier one that did.

    Raises:
        LabelError: it cannot be taken; the message says why.
    """
    item = known_item(turn.connection, turn.queue, label.item_id)
    said = completed(label, item.sides)
    if said.choice == SKIP:
        raise LabelError("a skip settles nothing; choose an answer, tie or both_bad")
    new = _new_label(turn, item, said, seconds=said.seconds, is_adjudication=True)
    before = label_before(turn.connection, new)
    if (
        before is not None
        and before["annotator"] == turn.annotator
        and _says_the_same(before, said)
    ):
        return label_of_key(turn.connection, before["label"])
    _check_open(turn)
    return label_of_key(turn.connection, put_label(turn.connection, new, before))


def _new_label(
    turn: Turn,
    item: LabelledItem,
    said: GivenLabel,
    *,
    seconds: float,
    is_adjudication: bool = False,
) -> NewLabel:
    return NewLabel(
        queue=turn.queue,
        item=item.item,
        annotator=turn.annotator,
        said=said,
        shown_order=turn.shown_order(item.item_id, item.sides),
        seconds=seconds,
        labelled_at=turn.now_text,
        is_adjudication=is_adjudication,
    )


def _says_the_same(before: sqlite3.Row, said: GivenLabel) -> bool:
    """Tell whether a label came again, as it does when the reply to it was lost."""
    known = (before["choice"], before["worst"], before["strength"], before["note"])
    return known == (said.choice, said.worst, said.strength, said.note)


def _elapsed_seconds(turn: Turn, item: int) -> float:
    seen = first_seen(turn, item)
    return max(turn.seconds - seen, 0.0) if seen is not None else 0.0


def _check_open(turn: Turn) -> None:
    if not turn.is_open:
        raise QueueClosedError(f"the queue {turn.queue_id} is closed and takes no labels any more")


def _check_reading_time(turn: Turn, elapsed: float) -> None:
    left = turn.params.min_reading_seconds - elapsed
    if left > 0:
        raise TooEarlyError(
            f"this comparison can be answered in {max(left, 0.1):.1f} seconds; read on until then"
        )


def _take_place(turn: Turn, item: int) -> None:
    """Check that the item has a place for this label, and that nobody else counts on it."""
    hold = hold_of(turn)
    if hold is not None and hold.item == item and hold.is_live:
        return
    if not has_room(turn, item):
        raise LeaseLostError(
            "this comparison was given to somebody else meanwhile, so your answer is not needed any "
            "more; go on with the next one"
        )
    end_lapsed(turn, item)
