"""A comparison in front of one person, and what they say about it."""

from dataclasses import dataclass
from typing import Literal

from tasks.annotation.comparison_item import ComparisonItem


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLabel:
    """What a person says about an item, in letters of the item and not of the screen.

    `choice` is the letter of the best answer, tie, both_bad or skip. `worst` is the letter of the
    worst of three or more answers; of two it follows from the choice and may be null. `seconds` is
    how long the comparison was in sight, as the page measured it.
    """

    item_id: str
    choice: str
    worst: str | None = None
    strength: Literal["slight", "clear"] | None = None
    note: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """An item that is kept for one person.

    `shown_order` has the letters of the item in the order on this person's screen, always the same
    for the same person and item. `elapsed_seconds` is the time since the person first got it.
    `before` is the label that an undo took back, so that the screen can show it again.
    """

    item: ComparisonItem
    shown_order: str
    elapsed_seconds: float
    before: GivenLabel | None = None


@dataclass(frozen=True, slots=True)
class NothingLeft:
    """Why a person gets no item: all is labelled, others have the rest in hand, or it is closed."""

    reason: Literal["finished", "waiting", "closed"]
