"""What every judge answers to: questions in, one verdict per question out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.judging.judge_card import JudgeCard


@dataclass(frozen=True, slots=True)
class Question:
    """One answer to be scored, with the prompt that it answers."""

    prompt: Prompt
    completion: Completion


class Judge(Protocol):
    """Scores answers one at a time."""

    @property
    def name(self) -> str:
        """What verdicts carry as their judge."""

    @property
    def card(self) -> JudgeCard:
        """What a report says about this judge."""

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Return one verdict per question, in the same order; unreadable answers included."""
