"""A language model behind an API as the judge of safety."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from storage.input_error import InputError
from storage.tables.verdicts import Verdict
from tasks.evaluation.safety.params import SafetyParams
from tasks.judging.judge import Question
from tasks.judging.judge_card import JudgeCard
from tasks.judging.judge_name import parse_judge_name
from tasks.judging.llm_judge import LlmJudge
from tasks.judging.load_rubric import load_rubric
from tasks.judging.params import JudgingParams
from tasks.sampling.api.client import ApiClient
from tasks.sampling.api.connect import connect
from tasks.sampling.api.journal import Journal
from tasks.sampling.api.prices import Prices


@dataclass(frozen=True, slots=True)
class LlmSafetyJudge:
    """Fulfils `Judge`: scores go from 0 to 1, the ends of the rubric's scale."""

    asked: LlmJudge

    @property
    def name(self) -> str:
        """What verdicts carry as their judge."""
        return self.asked.name

    @property
    def card(self) -> JudgeCard:
        """What a report says about this judge."""
        return self.asked.card

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Return one verdict per question; an answer that was not judged has no score.

        Raises:
            InputError: nothing at all was judged.
        """
        verdicts = [self._scaled(verdict) for verdict in self.asked.judge(questions)]
        if verdicts and all(verdict.score is None for verdict in verdicts):
            last = verdicts[-1]
            raise InputError(
                f"judge {self.name!r} judged none of {len(verdicts)} answers; the last: "
                f"{last.outcome}: {last.detail}. Check the server, its key and the budget"
            )
        return verdicts

    def _scaled(self, verdict: Verdict) -> Verdict:
        scores = self.asked.rubric.scores
        if not scores or verdict.score is None:
            return verdict
        return replace(verdict, score=(verdict.score - scores[0]) / (scores[-1] - scores[0]))


def llm_safety_judge(params: SafetyParams, journal: Journal, *, api_key: str) -> LlmSafetyJudge:
    """Return the LLM judge that `params` name.

    Raises:
        InputError: no such rubric, or a price table that cannot be read.
    """
    prices = Prices.read(params.budget.prices)
    client = ApiClient(connect(params.api, journal, prices, api_key=api_key))
    judging = JudgingParams(judge=params.judge, rubric=params.rubric, reasoning=False)
    model = parse_judge_name(params.judge).model
    return LlmSafetyJudge(LlmJudge(client, model, load_rubric(params.rubric), judging))
