"""Labels of small comparisons, written short."""

from itertools import count

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem

_TICKS = count()


def says(item: ComparisonItem, annotator: str, choice: str, **more) -> HumanLabel:
    """Return what somebody says about an item, later than all that was said before.

    `choice` is what `HumanLabel.choice` is; `a>c` says that a is best and c is worst.
    """
    best, _, worst = choice.partition(">")
    said = {
        "comparison_id": item.item_id,
        "prompt_id": item.prompt_id,
        "completions": tuple(response.completion_id for response in item.responses),
        "annotator": annotator,
        "choice": best,
        "worst": worst or None,
        "shown_order": item.sides,
        "seconds": 10.0,
        "is_gold": item.gold is not None,
        "queue": "q",
        "labelled_at": f"2026-01-01T{next(_TICKS):09d}",
    }
    return HumanLabel(**(said | more))


def all_say(item: ComparisonItem, choices: str) -> list[HumanLabel]:
    """Return a label of each of anna, ben, ..., given their choices between spaces; `.` for none."""
    names = ("anna", "ben", "carl", "dora", "emil", "fay", "gus", "hana")
    return [
        says(item, name, choice)
        for name, choice in zip(names, choices.split(), strict=False)
        if choice != "."
    ]


def adjudicates(item: ComparisonItem, choice: str, annotator: str = "admin") -> HumanLabel:
    """Return a label that settles an item."""
    return says(item, annotator, choice, is_adjudication=True)
