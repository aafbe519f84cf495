"""Everything that the admin page shows about a queue, from its items and labels."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.figures.annotator_figures import annotator_figures
from tasks.annotation.figures.annotator_pairs import annotator_pairs
from tasks.annotation.figures.believe_annotators import believe_annotators
from tasks.annotation.figures.coded_votes import CodedVotes, coded_votes, figure_by_prompt
from tasks.annotation.figures.conflicts import conflicts
from tasks.annotation.figures.gold_answers import gold_answers
from tasks.annotation.figures.judge_confusion import judge_confusions
from tasks.annotation.figures.queue_figures import QueueFigures
from tasks.annotation.figures.said_about import SaidAbout, said_about
from tasks.judging.kappa import ClusteredFigure, krippendorff_alpha, pairable_counts

Told = Literal["first", "second", "later", "tie", "both_bad", "skip"]
_POSITIONS: tuple[Told, ...] = ("first", "second", "later")
_NO_SIDE: dict[str, Told] = {"tie": "tie", "both_bad": "both_bad", "skip": "skip"}


def queue_figures(items: Sequence[ComparisonItem], labels: Sequence[HumanLabel]) -> QueueFigures:
    """Return agreement and speed of all who labelled a queue.

    Everybody counts, also who fails gold items. Adjudications and gold items are apart: they show in
    what is said of judges and conflicts, and in each person's gold accuracy.

    Raises:
        InputError: a label says what cannot be said about its item.
    """
    said = said_about(items, labels)
    votes = coded_votes(said)
    believed = believe_annotators(said)
    reliability = believed.reliability if believed else {}
    return QueueFigures(
        alpha=_alpha(votes),
        choices=_choices(said),
        annotators=annotator_figures(said, votes, gold_answers(items, labels), reliability),
        pairs=annotator_pairs(votes),
        judges=judge_confusions(said),
        conflicts=conflicts(said),
    )


def _alpha(votes: CodedVotes) -> ClusteredFigure:
    """Return alpha over letters, tie and both_bad; its cases are pairs of labels of an item."""
    given = votes.of_items
    given = given[:, given.any(axis=0)]
    of_items = given.sum(axis=1)
    return figure_by_prompt(
        votes.prompt_of_item.tolist(),
        pairable_counts(given),
        krippendorff_alpha,
        count=int((given * (given - 1) / 2).sum()),
        num=int((of_items * (of_items - 1) / 2).sum()),
    )


def _choices(said: Sequence[SaidAbout]) -> tuple[tuple[Told, int], ...]:
    """Return how often what was said, a side by where it stood on the screen.

    A side of which nobody knows where it stood counts nowhere.
    """
    counts = Counter(_told(label) for row in said for label in (*row.votes, *row.skips))
    return tuple((told, counts[told]) for told in (*_POSITIONS, *_NO_SIDE.values()))


def _told(label: HumanLabel) -> Told | None:
    position = label.shown_order.find(label.choice)
    if position < 0:
        return _NO_SIDE.get(label.choice)
    return _POSITIONS[min(position, len(_POSITIONS) - 1)]
