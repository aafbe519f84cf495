"""Hand an item to a person."""

from tasks.annotation.queue.assignment import Assignment, GivenLabel, NothingLeft
from tasks.annotation.queue.leases import end_lapsed, has_room, hold_of, take_hold
from tasks.annotation.queue.read_items import content_of
from tasks.annotation.queue.search import gold_item, ordinary_item
from tasks.annotation.queue.turn import Turn


def next_item(turn: Turn) -> Assignment | NothingLeft:
    """Return what the person has in hand, otherwise the next item, which they hold from now on."""
    if not turn.is_open:
        return NothingLeft("closed")
    held = hold_of(turn)
    if held is not None and (held.is_live or _is_free(turn, held.item)):
        return handed_out(turn, held.item)
    found = _gold_item_if_due(turn)
    if found is None:
        choice = ordinary_item(turn)
        if not isinstance(choice, int):
            return NothingLeft(choice)
        found = choice
    return handed_out(turn, found)


def handed_out(turn: Turn, item: int, before: GivenLabel | None = None) -> Assignment:
    """Return an item that has a place for the person, who holds it from now on."""
    end_lapsed(turn, item)
    first_seen = take_hold(turn, item)
    comparison = content_of(turn.connection, item)
    return Assignment(
        item=comparison,
        shown_order=turn.shown_order(comparison.item_id, comparison.sides),
        elapsed_seconds=max(turn.seconds - first_seen, 0.0),
        before=before,
    )


def _is_free(turn: Turn, item: int) -> bool:
    row = turn.connection.execute("SELECT is_gold FROM items WHERE item = ?", (item,)).fetchone()
    return bool(row["is_gold"]) or has_room(turn, item)


def _gold_item_if_due(turn: Turn) -> int | None:
    row = turn.connection.execute(
        "SELECT num_settled FROM turns WHERE queue = ? AND annotator = ?",
        (turn.queue, turn.annotator),
    ).fetchone()
    is_due = (row["num_settled"] + 1) % turn.params.gold_every == 0
    return gold_item(turn) if is_due else None
