"""Which labels count about an item."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.input_error import InputError
from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import SKIP, ComparisonItem
from tasks.annotation.figures.implied_orders import can_be_said
from tasks.judging.human_choice import latest_labels


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidAbout:
    """What people say about an item that is no gold item.

    `votes` are the labels that say something, one a person and in the order in which they came,
    `skips` those that do not. `adjudication` is what settles the item, null where nothing does.
    """

    item: ComparisonItem
    item_id: str
    votes: tuple[HumanLabel, ...]
    skips: tuple[HumanLabel, ...]
    adjudication: HumanLabel | None


def said_about(items: Iterable[ComparisonItem], labels: Iterable[HumanLabel]) -> list[SaidAbout]:
    """Return what people say about each item that is no gold item, in the order of the items.

    Of two labels of one person about one item the later one counts, of two adjudications as well;
    an adjudicator's skip is none. Labels of other items count nowhere.

    Raises:
        InputError: a label says what cannot be said about its item.
    """
    of_item: dict[str, list[HumanLabel]] = defaultdict(list)
    for label in latest_labels(labels):
        if not label.is_gold:
            of_item[label.comparison_id].append(label)
    ordinary = [(item.item_id, item) for item in items if item.gold is None]
    return [_said_about(item, item_id, of_item.get(item_id, ())) for item_id, item in ordinary]


def _said_about(item: ComparisonItem, item_id: str, labels: Sequence[HumanLabel]) -> SaidAbout:
    votes, skips, adjudication = [], [], None
    for label in labels:
        if not can_be_said(label.choice, label.worst, item.sides):
            raise InputError(_unheard_of(label, item))
        if label.is_adjudication:
            adjudication = adjudication if label.choice == SKIP else label
        elif label.choice == SKIP:
            skips.append(label)
        else:
            votes.append(label)
    return SaidAbout(
        item=item,
        item_id=item_id,
        votes=tuple(votes),
        skips=tuple(skips),
        adjudication=adjudication,
    )


def _unheard_of(label: HumanLabel, item: ComparisonItem) -> str:
    worst = "" if label.worst is None else f" and {label.worst!r} for the worst"
    return (
        f"annotator {label.annotator!r} chose {label.choice!r}{worst} in comparison "
        f"{label.comparison_id}, which has the sides {', '.join(item.sides)}; besides these a label "
        "can be tie, both_bad or skip, and best and worst are two sides. Correct the label or "
        "leave it out"
    )
