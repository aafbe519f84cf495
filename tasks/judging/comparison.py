"""Two answers to be compared, and what both orders come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.judging.judge_card import JudgeCard
from tasks.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two answers to one prompt; which of them is called a says nothing about where it is shown."""

    prompt: Prompt
    a: Completion
    b: Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the two orders of a comparison come to.

    `choice` is a or b only where both orders agree on it. It is `tie` where both say tie or the
    orders differ, `unparsable` where a reply could not be read, `failed` where one never came, and
    `pending` where one was not asked for. `margin` goes from -1 (b) to 1 (a): the mean over the
    orders of 2 P(a) - 1, or of 1, 0 and -1 where no probability is known; null unless both orders
    were read. `agreement` is the share of the orders that said `choice`, null where it is
    unparsable, failed or pending.
    """

    choice: Literal["a", "b", "tie", "unparsable", "failed", "pending"]
    margin: float | None
    agreement: float | None


class PairwiseJudge(Protocol):
    """Compares two answers, always in both orders."""

    @property
    def name(self) -> str:
        """What verdicts carry as their judge."""

    @property
    def card(self) -> JudgeCard:
        """What a report says about this judge."""

    def compare(
        self, comparisons: Sequence[Comparison], progress: Progress = silent
    ) -> list[Verdict]:
        """Return two verdicts per comparison, a shown first and then b shown first."""
