"""A comparison and what its two verdicts make of it."""

from dataclasses import dataclass

from storage.tables.completions import Completion
from storage.tables.pairs import PreferencePair
from storage.tables.verdicts import Verdict
from tasks.judging.comparison import Comparison, Decision
from tasks.judging.decide import decide
from tasks.judging.injection import OBEYS_CANDIDATE
from tasks.pairs.fate import Fate
from tasks.pairs.labeler import Labeler

_NO_DECISION = {
    "pending": Fate.PENDING,
    "failed": Fate.FAILED,
    "unparsable": Fate.UNPARSABLE,
}
_TRUSTED = frozenset({Fate.DECIDED, Fate.UNDECIDED, Fate.TIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Two answers and what became of their comparison; `margin` goes from -1 (b) to 1 (a)."""

    comparison: Comparison
    fate: Fate
    a_wins: bool
    margin: float
    agreement: float
    labeler: Labeler

    @property
    def is_trusted(self) -> bool:
        """Whether both verdicts were read and can be believed."""
        return self.fate in _TRUSTED

    @property
    def ids(self) -> set[str]:
        """The ids of the two answers."""
        return {self.comparison.a.completion_id, self.comparison.b.completion_id}

    @property
    def winner(self) -> Completion | None:
        """The better answer, None where that is not decided."""
        if self.fate is not Fate.DECIDED:
            return None
        return self.comparison.a if self.a_wins else self.comparison.b

    def margin_of(self, completion_id: str) -> float:
        """Return the margin as seen from one of the two answers."""
        return self.margin if self.comparison.a.completion_id == completion_id else -self.margin

    def pair(self, labeler: Labeler | None = None) -> PreferencePair:
        """Return the decided comparison as a pair, signed by its judge or by `labeler`."""
        a, b = self.comparison.a, self.comparison.b
        chosen, rejected = (a, b) if self.a_wins else (b, a)
        return (labeler or self.labeler).pair(
            self.comparison.prompt,
            chosen,
            rejected,
            margin=abs(self.margin),
            agreement=self.agreement,
        )


def settle(
    comparison: Comparison, first: Verdict, second: Verdict, *, min_margin: float
) -> Settled:
    """Return what two verdicts, a shown first and b shown first, make of a comparison.

    A decision whose margin is below `min_margin`, or does not favour the winner, is a tie. Where
    one of the verdicts obeys a candidate's text the comparison is flagged: neither is believed.
    """
    decision = decide(first, second)
    return Settled(
        comparison=comparison,
        fate=_fate(decision, (first, second), min_margin),
        a_wins=decision.choice == "a",
        margin=decision.margin or 0.0,
        agreement=decision.agreement or 0.0,
        labeler=Labeler.of(first),
    )


def _fate(decision: Decision, verdicts: tuple[Verdict, Verdict], min_margin: float) -> Fate:
    lost = _NO_DECISION.get(decision.choice)
    if lost in {Fate.PENDING, Fate.FAILED}:
        return lost
    if any(OBEYS_CANDIDATE in verdict.flags for verdict in verdicts):
        return Fate.FLAGGED
    if lost is not None:
        return lost
    if decision.choice == "tie":
        return Fate.TIED if decision.agreement == 1 else Fate.UNDECIDED
    towards_winner = (decision.margin or 0.0) * (1 if decision.choice == "a" else -1)
    return Fate.DECIDED if 0 < towards_winner >= min_margin else Fate.TIED
