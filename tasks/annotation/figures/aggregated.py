"""What the labels of an item come to."""

from dataclasses import dataclass
from typing import Literal

from tasks.annotation.comparison_item import ComparisonItem

Status = Literal["preferred", "tie", "both-bad", "undecided", "skipped", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One side that people prefer to another one.

    `agreement` is the share of the item's labels that say the same, skips left out. `margin` is by
    how much the support of this order exceeds that of the opposite one: a difference of shares of
    labels, or of probabilities where Dawid-Skene weighed them; null where one person settled it.
    """

    chosen: str
    rejected: str
    agreement: float
    margin: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregated:
    """What came of one item.

    `status` is preferred if there is at least one preference, tie or both-bad if that has the most
    support, undecided if nothing has enough, skipped if there are only skips, pending if there is no
    label. `num_labels` counts the labels that say something, adjudications apart. `adjudicator`
    settled the item, empty if nobody did.
    """

    item: ComparisonItem
    status: Status
    preferences: tuple[Preference, ...] = ()
    num_labels: int = 0
    adjudicator: str = ""
