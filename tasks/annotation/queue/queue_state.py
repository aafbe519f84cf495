"""A queue of comparisons: what it is, and how far it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tasks.annotation.params import QueueParams


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """One queue; `queue_id` is an id over its name, its items and its parameters.

    `origin` says where its comparisons come from, in words of the store (table and artifact id) or
    the path of a file. `num_labels` counts labels of ordinary items that are no skip and no
    adjudication, `num_wanted` is items times overlap; gold items count in neither. `min_labels` and
    `deadline` say when a flow that waits for the labels goes on, `flow_run_id` which run waits; all
    null while none does. Times are in UTC.
    """

    queue_id: str
    name: str
    origin: str
    params: QueueParams
    created_at: datetime
    is_open: bool
    num_items: int
    num_gold: int
    num_labels: int
    num_wanted: int
    min_labels: int | None = None
    deadline: datetime | None = None
    flow_run_id: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Tell whether who waits for the labels can go on: enough labels, or the deadline passed."""
        if self.min_labels is None or self.deadline is None:
            return False
        return self.num_labels >= self.min_labels or now >= self.deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotator:
    """Who labels; `name` is the pseudonym that labels carry, unique in the file of queues."""

    annotator_id: int
    name: str
    role: Literal["annotator", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one person and their queue are.

    `mine` counts what this person has settled, skips and gold items included; `num_labels` and
    `num_wanted` are those of the queue. `per_hour` and `median_seconds` are over this person's last
    50 labels, from the seconds that each took; null before the first.
    """

    mine: int
    num_labels: int
    num_wanted: int
    per_hour: float | None
    median_seconds: float | None
    can_undo: bool
