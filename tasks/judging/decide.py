"""What the two orders of a comparison come to."""

from typing import Literal

from storage.tables.verdicts import Verdict
from tasks.judging.comparison import Decision
from tasks.sampling.api.reply import Outcome

_WORTH = {"a": 1.0, "tie": 0.0, "b": -1.0}


def decide(first: Verdict, second: Verdict) -> Decision:
    """Return a decision from the verdicts with a shown first and with b shown first.

    Only what both orders say is decided: a judge that always prefers the answer shown first decides
    nothing. Where one order is missing, the reason that is hardest to mend counts: unparsable
    before failed before pending.

    Raises:
        ValueError: the verdicts are not the two orders of one comparison.
    """
    if not _are_both_orders(first, second):
        raise ValueError(
            f"verdicts {first.verdict_id} and {second.verdict_id} are not the two orders of one "
            "comparison; give the one with swapped=False and then the one with swapped=True"
        )
    missing = _missing(first, second)
    if missing is not None:
        return Decision(choice=missing, margin=None, agreement=None)
    margin = (_margin(first) + _margin(second)) / 2
    choice: Literal["a", "b", "tie"] = "tie"
    if first.choice == second.choice:
        choice = "a" if first.choice == "a" else "b" if first.choice == "b" else "tie"
    agreement = [first.choice, second.choice].count(choice) / 2
    return Decision(choice=choice, margin=margin, agreement=agreement)


def _are_both_orders(first: Verdict, second: Verdict) -> bool:
    asked = [
        (verdict.completion_a, verdict.completion_b, verdict.judge, verdict.rubric)
        for verdict in (first, second)
    ]
    orders = (first.swapped, second.swapped)
    return asked[0] == asked[1] and first.completion_b is not None and orders == (False, True)


def _missing(first: Verdict, second: Verdict) -> Literal["unparsable", "failed", "pending"] | None:
    both = (first, second)
    if any(verdict.choice == "unparsable" for verdict in both):
        return "unparsable"
    unread = [verdict for verdict in both if verdict.choice is None]
    if any(verdict.outcome != Outcome.PENDING for verdict in unread):
        return "failed"
    return "pending" if unread else None


def _margin(verdict: Verdict) -> float:
    if verdict.probability is not None:
        return 2 * verdict.probability - 1
    return _WORTH[str(verdict.choice)]
