"""Comparisons that a judge made become comparisons for people."""

from collections.abc import Iterable, Mapping
from typing import Literal

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.annotation.comparison_item import ComparisonItem, Response
from tasks.judging.comparison import Decision
from tasks.judging.decide import decide

Which = Literal["undecided", "tied", "all"]


def compare_verdicts(
    verdicts: Iterable[Verdict],
    completions: Mapping[str, Completion],
    prompts: Mapping[str, Prompt],
    which: Which,
) -> list[ComparisonItem]:
    """Return the comparisons whose two verdicts came to `which`, in the order of the verdicts.

    `undecided` are those where the orders differ. Equal texts, verdicts of which one order is missing
    or could not be read, and scores of single answers are left out of each but `all`, which
    has every comparison of two texts. Completions and prompts are looked up by their ids.
    """
    items = []
    for first, second in _both_orders(verdicts):
        decision = decide(first, second)
        a, b = completions[first.completion_a], completions[str(first.completion_b)]
        if a.text != b.text and (which == "all" or _came_to(decision) == which):
            items.append(_item(prompts[a.prompt_id], a, b, first.judge, decision))
    return items


def _both_orders(verdicts: Iterable[Verdict]) -> list[tuple[Verdict, Verdict]]:
    orders: dict[tuple[str, str, str, str], dict[bool, Verdict]] = {}
    for verdict in verdicts:
        if verdict.completion_b is not None:
            asked = (verdict.judge, verdict.rubric, verdict.completion_a, verdict.completion_b)
            orders.setdefault(asked, {})[verdict.swapped] = verdict
    return [(found[False], found[True]) for found in orders.values() if len(found) == 2]  # noqa: PLR2004  - orders


def _came_to(decision: Decision) -> str:
    if decision.choice != "tie":
        return decision.choice
    return "tied" if decision.agreement == 1 else "undecided"


def _item(
    prompt: Prompt, a: Completion, b: Completion, judge: str, decision: Decision
) -> ComparisonItem:
    return ComparisonItem(
        prompt_id=prompt.prompt_id,
        source=prompt.source,
        split=prompt.split,
        messages=prompt.messages,
        origin=prompt.origin,
        responses=tuple(
            Response(completion_id=answer.completion_id, text=answer.text, policy=answer.policy)
            for answer in (a, b)
        ),
        judge=judge,
        judged=decision.choice if decision.choice in {"a", "b", "tie"} else None,
    )
