"""Sides whose letters say nothing about the answers."""

from dataclasses import replace

from tasks.annotation.comparison_item import TIE, ComparisonItem


def neutral_sides(item: ComparisonItem) -> ComparisonItem:
    """Return the comparison with its answers in the order of their ids, a hash of each.

    Agreement beyond chance counts how often each letter is said. If side a were always the answer
    that a data set or a judge prefers, its kappa with people would be 0 whatever they say, and people
    who rightly say `a` all the time would seem to agree by chance.
    """
    order = sorted(item.sides, key=lambda letter: item.side(letter).completion_id)
    renamed = {TIE: TIE} | dict(zip(order, item.sides, strict=True))
    return replace(
        item,
        responses=tuple(item.side(letter) for letter in order),
        judged=None if item.judged is None else renamed[item.judged],
        gold=None if item.gold is None else renamed[item.gold],
    )
