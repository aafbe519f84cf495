"""How each person works."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, median

import numpy as np

from storage.tables.labels import HumanLabel
from tasks.annotation.figures.coded_votes import CodedVotes, share_by_prompt
from tasks.annotation.figures.gold_answers import GoldAnswer
from tasks.annotation.figures.queue_figures import AnnotatorFigures
from tasks.annotation.figures.said_about import SaidAbout
from tasks.judging.kappa import ClusteredFigure

_TWO = 2
_SECONDS_AN_HOUR = 3_600.0


def annotator_figures(
    said: Sequence[SaidAbout],
    votes: CodedVotes,
    gold: Sequence[GoldAnswer],
    reliability: Mapping[str, float],
) -> tuple[AnnotatorFigures, ...]:
    """Return how each person works who labelled, skipped or answered a gold item, by name."""
    voted: dict[str, list[HumanLabel]] = defaultdict(list)
    skips: dict[str, int] = defaultdict(int)
    answers: dict[str, list[GoldAnswer]] = defaultdict(list)
    for row in said:
        for vote in row.votes:
            voted[vote.annotator].append(vote)
        for skip in row.skips:
            skips[skip.annotator] += 1
    for answer in gold:
        answers[answer.annotator].append(answer)
    agreements = _agreements(votes)
    nothing = share_by_prompt([], np.zeros(0), np.zeros(0))
    return tuple(
        AnnotatorFigures(
            annotator=name,
            num_labels=len(voted[name]),
            num_skips=skips[name],
            median_seconds=median(vote.seconds for vote in voted[name]) if voted[name] else None,
            per_hour=_per_hour(voted[name]),
            first_shown_share=_first_shown(voted[name]),
            agreement_with_others=agreements.get(name, nothing),
            gold_accuracy=_gold_accuracy(answers[name]),
            reliability=reliability.get(name),
        )
        for name in sorted({*voted, *skips, *answers})
    )


def _per_hour(voted: Sequence[HumanLabel]) -> float | None:
    """Return 3600 over the mean seconds; None where no time was measured."""
    seconds = fmean(vote.seconds for vote in voted) if voted else 0.0
    return _SECONDS_AN_HOUR / seconds if seconds > 0 else None


def _first_shown(voted: Sequence[HumanLabel]) -> ClusteredFigure:
    """Return the share of choices that went to the first of two answers shown.

    Of three and more less than half would go there without bias, so these are left out, and so is
    a label of which nobody knows what was shown first.
    """
    chosen = [
        vote
        for vote in voted
        if len(vote.completions) == _TWO and vote.choice in tuple(vote.shown_order)
    ]
    hits = np.array([vote.shown_order[0] == vote.choice for vote in chosen], dtype=np.float64)
    return share_by_prompt([vote.prompt_id for vote in chosen], hits, np.ones(len(chosen)))


def _gold_accuracy(answers: Sequence[GoldAnswer]) -> ClusteredFigure:
    hits = np.array([answer.is_right for answer in answers], dtype=np.float64)
    return share_by_prompt([answer.prompt_id for answer in answers], hits, np.ones(len(answers)))


def _agreements(votes: CodedVotes) -> dict[str, ClusteredFigure]:
    """Return for each person the share of others' labels of their items that say the same."""
    of_items = votes.of_items
    same = of_items[votes.item, votes.category] - 1
    others = of_items.sum(axis=1)[votes.item] - 1
    figures = {}
    for number, name in enumerate(votes.names):
        own = votes.annotator == number
        figures[name] = share_by_prompt(votes.prompt[own].tolist(), same[own], others[own])
    return figures
