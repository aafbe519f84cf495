"""What became of two answers, of the score of one, or of a call."""

from collections.abc import Iterable
from enum import StrEnum

from storage.tables.verdicts import Verdict
from tasks.sampling.api.reply import Outcome


class Fate(StrEnum):
    """What became of it; a prompt's status has the same names."""

    PAIRED = "paired"
    DECIDED = "decided"
    """One answer is better. It counts for nothing by itself: `best-worst` may take another two."""
    PENDING = "pending"
    FAILED = "failed"
    REFUSED = "refused"
    FLAGGED = "flagged"
    UNPARSABLE = "unparsable"
    SAME_TEXT = "same-text"
    UNDECIDED = "undecided"
    TIED = "tied"


_WITHHELD = frozenset({Outcome.REFUSAL, Outcome.CONTENT_FILTER})


def fate_of(outcome: Outcome) -> Fate:
    """Return the fate of a call that brought no text."""
    if outcome is Outcome.PENDING:
        return Fate.PENDING
    return Fate.REFUSED if outcome in _WITHHELD else Fate.FAILED


def why_lost(verdicts: Iterable[Verdict]) -> str:
    """Return why the first verdict that says nothing says nothing, empty if all say something."""
    for verdict in verdicts:
        if verdict.score is None and verdict.choice in {None, "unparsable"}:
            return f"judge: {verdict.outcome}: {verdict.detail}".removesuffix(": ")
    return ""
