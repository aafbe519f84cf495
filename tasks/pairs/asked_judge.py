"""The judge that is asked, and how: about answers one at a time, or about two at once."""

from dataclasses import dataclass

from tasks.judging.comparison import PairwiseJudge
from tasks.judging.judge import Judge


@dataclass(frozen=True, slots=True)
class Scores:
    """The judge scores every answer alone."""

    judge: Judge


@dataclass(frozen=True, slots=True)
class Compares:
    """The judge compares every two answers, in both orders."""

    judge: PairwiseJudge


AskedJudge = Scores | Compares
"""An LLM judge can do either, depending on its rubric, so its methods do not tell."""
