"""What a method of making pairs returns."""

from dataclasses import dataclass, field

from storage.tables.completions import Completion
from storage.tables.outcomes import PromptOutcome
from storage.tables.pairs import PreferencePair
from storage.tables.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class MadePairs:
    """Everything that was answered and judged, the pairs, and what became of every prompt.

    All in the order of the prompts; `outcomes` has exactly one row for each of them.
    """

    completions: tuple[Completion, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    pairs: tuple[PreferencePair, ...] = ()
    outcomes: tuple[PromptOutcome, ...] = field(default=())
