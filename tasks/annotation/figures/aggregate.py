"""Labels of several people become one answer for each item."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import BOTH_BAD, TIE, ComparisonItem
from tasks.annotation.figures.aggregated import Aggregated, Preference, Status
from tasks.annotation.figures.believe_annotators import believe_annotators
from tasks.annotation.figures.gold_answers import trusted_labels
from tasks.annotation.figures.implied_orders import implied_orders
from tasks.annotation.figures.said_about import SaidAbout, said_about
from tasks.annotation.params import CollectParams

_MORE = 1e-6
"""Support that exceeds another one's by less is the same: probabilities are not exact."""
_NO_ORDERS: tuple[tuple[str, Status], ...] = ((TIE, "tie"), (BOTH_BAD, "both-bad"))


def aggregate(
    items: Sequence[ComparisonItem], labels: Sequence[HumanLabel], params: CollectParams
) -> list[Aggregated]:
    """Return what came of each item that is no gold item, in the order of the items.

    Labels of who got too few gold items right are left out. An adjudication settles an item alone.
    Otherwise each order of two sides (a label implies one of two answers, or 2 N - 3 of N), tie and
    both_bad have a support: the share of the item's labels that say so, or its probability where
    Dawid-Skene weighs them, which needs two annotators. An order is a preference if its support is
    larger than `min_agreement` and than that of the opposite order, of tie and of both_bad. Tie or
    both_bad is what came of the item if its support is larger than `min_agreement` and than all
    else. Orders of three or more answers are settled two by two, so they can go in a circle.

    Raises:
        InputError: a label says what cannot be said about its item.
    """
    trusted = trusted_labels(items, labels, params.min_gold_accuracy)
    return aggregate_said(said_about(items, trusted), params)


def aggregate_said(said: Sequence[SaidAbout], params: CollectParams) -> list[Aggregated]:
    """Return what came of each item, as `aggregate` does, from the labels that count about it."""
    weighed = believe_annotators(said) if params.aggregation == "dawid-skene" else None
    support = weighed.support if weighed else {}
    return [_aggregated(row, support.get(row.item_id), params.min_agreement) for row in said]


def _aggregated(
    said: SaidAbout, weighed: Mapping[str, float] | None, min_agreement: float
) -> Aggregated:
    sides = said.item.sides
    shares = vote_shares(said.votes, sides)
    support = shares if weighed is None else weighed
    if said.adjudication is not None:
        support = vote_shares([said.adjudication], sides)
        shares = shares or support
    preferences = tuple(
        Preference(
            chosen=order[0],
            rejected=order[1],
            agreement=shares.get(order, 0.0),
            margin=None if said.adjudication else support[order] - support.get(order[::-1], 0.0),
        )
        for order in _preferred(support, min_agreement)
    )
    return Aggregated(
        item=said.item,
        status="preferred" if preferences else _status(said, support, min_agreement),
        preferences=preferences,
        num_labels=len(said.votes),
        adjudicator=said.adjudication.annotator if said.adjudication else "",
    )


def vote_shares(votes: Iterable[HumanLabel], sides: str) -> dict[str, float]:
    """Return the share of the labels that imply each order, or say tie or both_bad."""
    counts: Counter[str] = Counter()
    num_votes = 0
    for vote in votes:
        counts.update(implied_orders(vote.choice, vote.worst, sides) or (vote.choice,))
        num_votes += 1
    return {said: count / num_votes for said, count in counts.items()}


def _preferred(support: Mapping[str, float], min_agreement: float) -> list[str]:
    return sorted(
        order
        for order in support
        if order not in {TIE, BOTH_BAD}
        and _wins(order, (order[::-1], TIE, BOTH_BAD), support, min_agreement)
    )


def _status(said: SaidAbout, support: Mapping[str, float], min_agreement: float) -> Status:
    if not support:
        return "skipped" if said.skips else "pending"
    for name, status in _NO_ORDERS:
        if _wins(name, set(support) - {name}, support, min_agreement):
            return status
    return "undecided"


def _wins(
    name: str, rivals: Iterable[str], support: Mapping[str, float], min_agreement: float
) -> bool:
    of_name = support.get(name, 0.0)
    is_enough = of_name > min_agreement
    return is_enough and all(of_name > support.get(rival, 0.0) + _MORE for rival in rivals)
