"""Labels weighed by how reliable who gave them is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, combinations, repeat

import numpy as np

from tasks.annotation.comparison_item import BOTH_BAD, TIE
from tasks.annotation.figures.dawid_skene import Numbers, Votes, dawid_skene
from tasks.annotation.figures.implied_orders import implied_orders
from tasks.annotation.figures.said_about import SaidAbout

_FIRST, _SECOND, _TIE, _BOTH_BAD, _NO_ORDER = range(5)
_SWAPPED = (_SECOND, _FIRST, _TIE, _BOTH_BAD, _NO_ORDER)
_FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """What Dawid-Skene makes of a queue.

    `support` has for each item with a label the probability of each order (`ab`: a is better than
    b), of tie and of both_bad. `reliability` is how much of what each annotator said is true: the
    mean probability of their labels.
    """

    support: Mapping[str, Mapping[str, float]]
    reliability: Mapping[str, float]


def believe_annotators(said: Sequence[SaidAbout]) -> Believed | None:
    """Return labels weighed by how reliable annotators are, None with fewer than two annotators.

    A case is two sides of an item: the first is better, the second, tie, both_bad, or the label
    names neither as best or worst. Of three or more answers every two are a case, and tie and
    both_bad of the item have their mean probability; a person's matrix is the same for all items,
    whatever their number of answers. The cases of one item count as if they were independent,
    which makes probabilities of many answers surer than they should be.
    """
    names = sorted({vote.annotator for row in said for vote in row.votes})
    if len(names) < _FEWEST:
        return None
    rows = [row for row in said if row.votes]
    num_cases = [len(_two_by_two(row.item.sides)) for row in rows]
    starts = [0, *accumulate(num_cases)]
    votes = _votes(rows, starts, {name: number for number, name in enumerate(names)})
    probabilities = dawid_skene(votes, swapped=_SWAPPED).probabilities
    weights = np.repeat(1 / np.array(num_cases), num_cases)
    return Believed(
        support={
            row.item_id: _support(row.item.sides, probabilities[start : start + num])
            for row, start, num in zip(rows, starts, num_cases, strict=False)
        },
        reliability=dict(zip(names, _reliability(votes, probabilities, weights), strict=True)),
    )


def _votes(rows: Sequence[SaidAbout], starts: Sequence[int], numbers: Mapping[str, int]) -> Votes:
    cases: list[int] = []
    annotators: list[int] = []
    categories: list[int] = []
    for row, start in zip(rows, starts, strict=False):
        sides = row.item.sides
        for vote in row.votes:
            said = _categories(vote.choice, vote.worst, sides)
            categories += said
            cases += range(start, start + len(said))
            annotators += repeat(numbers[vote.annotator], len(said))
    return Votes(np.array(cases), np.array(annotators), np.array(categories))


@lru_cache(maxsize=4_096)
def _categories(choice: str, worst: str | None, sides: str) -> tuple[int, ...]:
    """Return what a label says of every two sides."""
    if choice in {TIE, BOTH_BAD}:
        return (_TIE if choice == TIE else _BOTH_BAD,) * len(_two_by_two(sides))
    orders = implied_orders(choice, worst, sides)
    return tuple(
        _FIRST if two in orders else _SECOND if two[::-1] in orders else _NO_ORDER
        for two in _two_by_two(sides)
    )


@lru_cache
def _two_by_two(sides: str) -> tuple[str, ...]:
    return tuple(first + second for first, second in combinations(sides, 2))


def _support(sides: str, probabilities: Numbers) -> dict[str, float]:
    support: dict[str, float] = {}
    of_two = probabilities.tolist()
    for two, found in zip(_two_by_two(sides), of_two, strict=True):
        support[two], support[two[::-1]] = found[_FIRST], found[_SECOND]
    support[TIE] = sum(found[_TIE] for found in of_two) / len(of_two)
    support[BOTH_BAD] = sum(found[_BOTH_BAD] for found in of_two) / len(of_two)
    return support


def _reliability(votes: Votes, probabilities: Numbers, weights: Numbers) -> list[float]:
    """Return the mean probability of what each annotator said, every label with equal weight."""
    true = probabilities[votes.case, votes.category]
    weight = weights[votes.case]
    right = np.bincount(votes.annotator, weights=true * weight)
    values: list[float] = (right / np.bincount(votes.annotator, weights=weight)).tolist()
    return values
