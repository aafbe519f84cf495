"""Find what a person labels next, without passing over what they have settled again and again."""

from dataclasses import dataclass
from typing import Literal

from tasks.annotation.queue.turn import Turn

_UNSETTLED = (
    "NOT EXISTS (SELECT 1 FROM labels WHERE labels.item = items.item "
    "AND labels.annotator = :annotator AND is_adjudication = 0)"
)
_HAS_ROOM = (
    "missing > (SELECT COUNT(*) FROM sights WHERE sights.item = items.item "
    "AND sights.annotator <> :annotator AND held_until > :now)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of items: the index that has them, what they are, how far a person is among them."""

    index: str
    condition: str
    turn_column: str

    @property
    def unsettled(self) -> str:
        """The position of the first one that a person has not settled."""
        return self._first("position", _UNSETTLED)

    @property
    def available(self) -> str:
        """The first one that a person has not settled and that has a place for them."""
        return self._first("item", f"{_UNSETTLED} AND {_HAS_ROOM}")

    def _first(self, column: str, condition: str) -> str:
        return (
            f"SELECT {column} FROM items INDEXED BY {self.index} WHERE queue = :queue "  # noqa: S608  - constants
            f"AND {self.condition} AND position >= :start AND {condition} ORDER BY position LIMIT 1"
        )


_GOLD = Kind(index="gold_items", condition="is_gold = 1", turn_column="gold_from")
_BEGUN = Kind(
    index="begun_items",
    condition="is_gold = 0 AND num_labels > 0 AND missing > 0",
    turn_column="begun_from",
)
_FRESH = Kind(
    index="fresh_items", condition="is_gold = 0 AND num_labels = 0", turn_column="fresh_from"
)


def gold_item(turn: Turn) -> int | None:
    """Return the first gold item that the person has not settled, null if there is none."""
    start = _unsettled_from(turn, _GOLD)
    if start is None:
        return None
    row = turn.connection.execute(
        "SELECT item FROM items WHERE queue = ? AND position = ?", (turn.queue, start)
    ).fetchone()
    return int(row["item"])


def ordinary_item(turn: Turn) -> int | Literal["finished", "waiting"]:
    """Return the first ordinary item with a place for the person, or why there is none.

    Those with some labels come first, so that they are completed; then it goes by the order of the
    queue.
    """
    reason: Literal["finished", "waiting"] = "finished"
    for kind in (_BEGUN, _FRESH):
        start = _unsettled_from(turn, kind)
        if start is not None:
            row = turn.connection.execute(kind.available, _asked(turn, start)).fetchone()
            if row is not None:
                return int(row["item"])
            reason = "waiting"
    return reason


def _unsettled_from(turn: Turn, kind: Kind) -> int | None:
    """Return the position of the first item that the person has not settled, and keep it."""
    column = kind.turn_column
    known = turn.connection.execute(
        f"SELECT {column} FROM turns WHERE queue = :queue AND annotator = :annotator",  # noqa: S608  - constants
        _asked(turn, 0),
    ).fetchone()[0]
    row = turn.connection.execute(kind.unsettled, _asked(turn, known)).fetchone()
    start = row["position"] if row else turn.num_items
    if start > known:
        turn.connection.execute(
            f"UPDATE turns SET {column} = :start "  # noqa: S608  - constants
            "WHERE queue = :queue AND annotator = :annotator",
            _asked(turn, start),
        )
    return start if row else None


def _asked(turn: Turn, start: int) -> dict[str, object]:
    return {
        "queue": turn.queue,
        "annotator": turn.annotator,
        "now": turn.seconds,
        "start": start,
    }
