"""Who got which gold item right."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import BOTH_BAD, SKIP, TIE, ComparisonItem
from tasks.judging.human_choice import latest_labels


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """One person's answer to an item whose answer was known."""

    annotator: str
    prompt_id: str
    is_right: bool


def gold_answers(items: Iterable[ComparisonItem], labels: Iterable[HumanLabel]) -> list[GoldAnswer]:
    """Return the answers to gold items, skips left out.

    Right is who names the best answer; whether the worst one is right as well does not matter.
    Where the gold item is a tie, both_bad is right too: it says that neither is better.
    """
    known = {item.item_id: item.gold for item in items if item.gold is not None}
    return [
        GoldAnswer(
            label.annotator,
            label.prompt_id,
            (TIE if label.choice == BOTH_BAD else label.choice) == known[label.comparison_id],
        )
        for label in latest_labels(label for label in labels if label.comparison_id in known)
        if label.choice != SKIP and not label.is_adjudication
    ]


def trusted_labels(
    items: Iterable[ComparisonItem], labels: Sequence[HumanLabel], min_gold_accuracy: float
) -> list[HumanLabel]:
    """Return the labels without those of people who got too few of their gold items right.

    Who was asked no gold item is trusted, and so is who adjudicates when they do.
    """
    rights: dict[str, list[bool]] = defaultdict(list)
    for answer in gold_answers(items, labels):
        rights[answer.annotator].append(answer.is_right)
    distrusted = {
        annotator
        for annotator, right in rights.items()
        if sum(right) / len(right) < min_gold_accuracy
    }
    return [label for label in labels if label.is_adjudication or label.annotator not in distrusted]
