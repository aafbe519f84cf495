"""What one judge said about two answers, with each of them shown first once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.labels import HumanLabel
from storage.tables.verdicts import Verdict
from tasks.judging.dataset_answers import CHOSEN, REJECTED
from tasks.judging.human_choice import human_choices

Side = Literal["a", "b", "tie"]
_SIDES: dict[str, Side] = {"a": "a", "b": "b", "tie": "tie"}
_OF_THE_DATA_SET: dict[tuple[str, str], Side] = {
    (CHOSEN, REJECTED): "a",
    (REJECTED, CHOSEN): "b",
}
"""Policies of two completions -> which one people preferred when the data set was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedComparison:
    """The two verdicts of a judge about two answers to one prompt.

    `first` is what the judge said with a shown first, `second` with b shown first; both mean a and
    b themselves, wherever they stood, and are None where the reply could not be read or never came.
    `label` is what people say, None where nobody was asked. Lengths are in characters, None where
    unknown.
    """

    judge: str
    comparison_id: str
    prompt_id: str
    first: Side | None
    second: Side | None
    label: Side | None = None
    length_a: int | None = None
    length_b: int | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    judge: str
    rubric: str
    completion_a: str
    completion_b: str


def judged_comparisons(
    verdicts: Iterable[Verdict],
    completions: Iterable[Completion],
    labels: Iterable[HumanLabel] = (),
) -> list[JudgedComparison]:
    """Return the comparisons among verdicts; verdicts about one answer alone are left out.

    A judge that answered under several rubrics counts as several judges, named with the rubric.
    What people say is what `labels` come to (`human_choices`) where there are any about the same two
    answers, otherwise what the data set says of its own.

    Raises:
        InputError: a judge said two things about the same comparison in the same order, or the
            completions lack one that was compared.
    """
    by_id = {completion.completion_id: completion for completion in completions}
    replies = _replies(verdicts)
    rubrics = defaultdict(set)
    for asked in replies:
        rubrics[asked.judge].add(asked.rubric)
    said = human_choices(labels)
    return [
        _comparison(asked, orders, by_id, said, with_rubric=len(rubrics[asked.judge]) > 1)
        for asked, orders in replies.items()
    ]


def _replies(verdicts: Iterable[Verdict]) -> dict[_Asked, dict[bool, Side | None]]:
    """Return what was said about each comparison, by whether b was shown first."""
    replies: dict[_Asked, dict[bool, Side | None]] = {}
    for verdict in verdicts:
        if verdict.completion_b is None:
            continue
        asked = _Asked(verdict.judge, verdict.rubric, verdict.completion_a, verdict.completion_b)
        orders = replies.setdefault(asked, {})
        if verdict.swapped in orders:
            raise InputError(
                f"judge {asked.judge!r} has two verdicts about completions {asked.completion_a} and "
                f"{asked.completion_b} with swapped={verdict.swapped}, but one for each order is "
                "expected; report on the verdicts of one run"
            )
        orders[verdict.swapped] = _SIDES.get(verdict.choice or "")
    return replies


def _comparison(
    asked: _Asked,
    orders: Mapping[bool, Side | None],
    by_id: Mapping[str, Completion],
    said: Mapping[tuple[str, str], Side],
    *,
    with_rubric: bool,
) -> JudgedComparison:
    for completion_id in (asked.completion_a, asked.completion_b):
        if completion_id not in by_id:
            raise InputError(
                f"completion {completion_id}, which judge {asked.judge!r} compared, is not among "
                f"the {len(by_id):,} completions of that run; make the run again (--rerun)"
            )
    a, b = by_id[asked.completion_a], by_id[asked.completion_b]
    of_data_set = _OF_THE_DATA_SET.get((a.policy, b.policy))
    return JudgedComparison(
        judge=f"{asked.judge} ({asked.rubric})" if with_rubric else asked.judge,
        comparison_id=f"{asked.completion_a}-{asked.completion_b}",
        prompt_id=a.prompt_id,
        first=orders.get(False),
        second=orders.get(True),
        label=said.get((a.completion_id, b.completion_id), of_data_set),
        length_a=len(a.text),
        length_b=len(b.text),
    )
