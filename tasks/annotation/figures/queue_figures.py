"""Everything that the admin page shows about a queue."""

from dataclasses import dataclass
from typing import Literal

from tasks.judging.kappa import ClusteredFigure


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorFigures:
    """How one person works.

    `num_labels` counts ordinary comparisons with a choice, a tie or both_bad; skips are apart.
    `first_shown_share` is the share of the choices of a side that went to the answer shown first
    (left); without bias 0.5. `gold_accuracy` is over gold items, `agreement_with_others` the share of
    other people's labels on the same items that say the same. `per_hour` is 3600 over the mean
    seconds of a label. `reliability` is the person's accuracy as Dawid-Skene estimates it, null with
    fewer than two annotators.
    """

    annotator: str
    num_labels: int
    num_skips: int
    median_seconds: float | None
    per_hour: float | None
    first_shown_share: ClusteredFigure
    agreement_with_others: ClusteredFigure
    gold_accuracy: ClusteredFigure
    reliability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorPair:
    """Cohen's kappa of two people over the items that both labelled."""

    first: str
    second: str
    kappa: ClusteredFigure


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeConfusion:
    """A judge against the people's aggregated label of each item.

    `counts` has a row for each label of the judge and a column for each of people, both in the order
    of `categories`; people's both_bad counts as a tie.
    """

    judge: str
    categories: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    kappa: ClusteredFigure


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """An item on which people do not agree, and which nobody has adjudicated yet.

    `said` has one (annotator, choice, note) for each label, `share` that of the most frequent choice.
    """

    item_id: str
    said: tuple[tuple[str, str, str], ...]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """Agreement and speed of all who labelled a queue.

    `alpha` is Krippendorff's (nominal) over all labels of ordinary items that are no skip.
    `choices` counts what was said by position on the screen: first, second, later, tie, both_bad,
    skip. `conflicts` are the least agreed first.
    """

    alpha: ClusteredFigure
    choices: tuple[tuple[Literal["first", "second", "later", "tie", "both_bad", "skip"], int], ...]
    annotators: tuple[AnnotatorFigures, ...]
    pairs: tuple[AnnotatorPair, ...]
    judges: tuple[JudgeConfusion, ...]
    conflicts: tuple[Conflict, ...]
