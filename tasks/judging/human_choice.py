"""What people who were asked say about two answers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Literal

from storage.tables.labels import HumanLabel

HumanChoice = Literal["a", "b", "tie"]
_CHOICES: dict[str, HumanChoice] = {"a": "a", "b": "b", "tie": "tie", "both_bad": "tie"}
"""What counts of what can be said; a skip says nothing."""
_OF_B_AND_A: dict[HumanChoice, HumanChoice] = {"a": "b", "b": "a", "tie": "tie"}
_COMPARED = 2


def human_choices(labels: Iterable[HumanLabel]) -> dict[tuple[str, str], HumanChoice]:
    """Return what people say of every two answers that somebody compared, under both orders of them.

    The keys are completion ids, of a and of b. What most people chose is their choice; that both
    are bad counts as a tie, and where no choice has more labels than every other one it is a tie as
    well. An adjudication settles it alone, the last one if there are more. Skips, gold items and
    comparisons of more than two answers say nothing here.
    """
    about: dict[tuple[str, str], list[HumanLabel]] = defaultdict(list)
    for label in latest_labels(labels):
        says = not label.is_gold and label.choice in _CHOICES
        if says and len(label.completions) == _COMPARED:
            a, b = label.completions
            about[min(a, b), max(a, b)].append(label)
    choices: dict[tuple[str, str], HumanChoice] = {}
    for (a, b), said in about.items():
        choices[a, b] = _choice(said, a)
        choices[b, a] = _OF_B_AND_A[choices[a, b]]
    return choices


def latest_labels(labels: Iterable[HumanLabel]) -> list[HumanLabel]:
    """Return the last label of each person about each comparison of a queue, the earliest first.

    An adjudication does not take the place of what the same person said before as one of many.
    """
    latest: dict[tuple[str, str, str, bool], HumanLabel] = {}
    for label in sorted(labels, key=attrgetter("labelled_at")):
        who = (label.queue, label.comparison_id, label.annotator, label.is_adjudication)
        latest.pop(who, None)  # what takes its place comes last
        latest[who] = label
    return list(latest.values())


def _choice(said: Sequence[HumanLabel], a: str) -> HumanChoice:
    """Return the choice between the completion `a` and the other answer."""
    adjudications = [label for label in said if label.is_adjudication]
    counts: dict[HumanChoice, int] = {"a": 0, "b": 0, "tie": 0}
    for label in adjudications[-1:] or said:
        choice = _CHOICES[label.choice]
        counts[choice if label.completions[0] == a else _OF_B_AND_A[choice]] += 1
    most = max(counts.values())
    leaders = [choice for choice, count in counts.items() if count == most]
    return leaders[0] if len(leaders) == 1 else "tie"
