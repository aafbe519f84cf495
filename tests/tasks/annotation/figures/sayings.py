"""Labels of small comparisons, written short."""

import random
from dataclasses import replace
from itertools import count

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem
from tests.tasks.annotation.small_items import small_items

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


def made_queue(
    num_items: int, num_people: int, overlap: int, seed: int
) -> tuple[list[ComparisonItem], list[HumanLabel]]:
    """Return items, a tenth of them gold, and labels with skips, ties and some adjudications."""
    draw = random.Random(seed)
    items = [
        replace(
            item,
            prompt_id=f"prompt {number // 3}",
            judge=draw.choice(["one", "two"]),
            judged=draw.choice(["a", "b", "tie"]),
        )
        for number, item in enumerate(small_items(num_items, num_gold=num_items // 10))
    ]
    labels = []
    for item in items:
        best = draw.choice("ab")
        for name in draw.sample(range(num_people), overlap):
            choice = draw.choice([best, best, best, best, "a", "b", "tie", "both_bad", "skip"])
            order = "".join(draw.sample("ab", 2))
            label = says(item, f"p{name}", choice, shown_order=order, seconds=draw.random() * 60)
            labels.append(label)
        if draw.random() < 0.1 and item.gold is None:
            labels.append(adjudicates(item, draw.choice(["a", "b", "tie", "both_bad"])))
    return items, labels
