"""What became of a prompt whose answers people compared."""

from collections import Counter
from collections.abc import Mapping, Sequence

from storage.tables.outcomes import PromptOutcome
from tasks.annotation.figures.aggregated import Aggregated

_FIRST = ("paired", "both-bad", "undecided", "tied", "same-text", "skipped", "pending")
"""Statuses of a prompt: what people say before what they left open."""


def people_outcome(
    rows: Sequence[Aggregated], *, num_pairs: int, num_same_text: int, num_opposite: int
) -> PromptOutcome:
    """Return what became of a prompt, given what came of each of its comparisons.

    Its status is the first that fits of paired (at least one pair), both-bad (people find every
    answer of a comparison bad), undecided (they disagree, or two comparisons of the same texts say
    the opposite), tied, same-text (the preferred answer has the text of the other one), skipped
    (there are only skips) and pending (there is no label that counts).

    `num_verdicts` counts labels that say something, adjudications included. `num_ties` counts
    comparisons that are tied or both bad, `num_pending` those without a label that says something,
    skipped ones included, `num_undecided` also preferences that contradict another one.
    """
    statuses = Counter(row.status for row in rows)
    num_undecided = statuses["undecided"] + num_opposite
    counts = {
        "paired": num_pairs,
        "both-bad": statuses["both-bad"],
        "undecided": num_undecided,
        "tied": statuses["tie"],
        "same-text": num_same_text,
        "skipped": statuses["skipped"],
        "pending": statuses["pending"],
    }
    answers = {response.completion_id for row in rows for response in row.item.responses}
    return PromptOutcome(
        prompt_id=rows[0].item.prompt_id,
        status=_status(counts),
        num_completions=len(answers),
        num_verdicts=sum(row.num_labels + bool(row.adjudicator) for row in rows),
        num_pairs=num_pairs,
        num_ties=statuses["tie"] + statuses["both-bad"],
        num_undecided=num_undecided,
        num_same_text=num_same_text,
        num_pending=statuses["skipped"] + statuses["pending"],
    )


def _status(counts: Mapping[str, int]) -> str:
    return next(status for status in _FIRST if counts[status])
