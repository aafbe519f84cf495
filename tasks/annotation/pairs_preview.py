"""What somebody reads who decides whether a pair set is released."""

from collections import Counter
from collections.abc import Sequence

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.figures.figures_of_queue import queue_figures
from tasks.annotation.human_pairs import human_pairs
from tasks.annotation.params import CollectParams


def pairs_preview(
    items: Sequence[ComparisonItem], labels: Sequence[HumanLabel], params: CollectParams
) -> str:
    """Return in Markdown what would come of the labels: pairs, agreement, what became of prompts."""
    made = human_pairs(items, labels, params)
    statuses = Counter(outcome.status for outcome in made.outcomes)
    people = len({label.annotator for label in labels})
    annotators = f"{people:,} annotator{'' if people == 1 else 's'}"
    rows = [f"| {status} | {count:,} |" for status, count in statuses.most_common()]
    made_of = (
        f"{len(made.pairs):,} pairs and {len(made.dispreferred):,} dispreferred answers from "
        f"{annotators}. {_agreement(items, labels)}"
    )
    return "\n".join([made_of, "", "| what became of prompts | |", "|---|---:|", *rows])


def _agreement(items: Sequence[ComparisonItem], labels: Sequence[HumanLabel]) -> str:
    figures = queue_figures(items, labels)
    alpha, conflicts = figures.alpha, len(figures.conflicts)
    if alpha.value is None:
        return "How far people agree is unknown: nothing was labelled by two of them."
    return (
        f"Krippendorff's alpha is {alpha.value:.2f} (95 % interval {alpha.low:.2f} to "
        f"{alpha.high:.2f}); {conflicts:,} comparisons are disputed."
    )
