"""A language model behind an API as the judge that rewards."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from storage.input_error import InputError
from storage.tables.spending import Spending
from storage.tables.verdicts import Verdict
from tasks.judging.judge import Question
from tasks.judging.judge_card import JudgeCard
from tasks.judging.llm_judge import LlmJudge
from tasks.judging.load_rubric import load_rubric
from tasks.judging.params import JudgingParams
from tasks.sampling.api.client import ApiClient, ApiUnavailableError
from tasks.sampling.api.connect import connect
from tasks.sampling.api.journal import Journal, open_journal
from tasks.sampling.api.ledger import spending
from tasks.sampling.api.prices import Prices
from tasks.sampling.api.reply import Outcome
from tasks.training.ppo.params import PPOParams


@dataclass(frozen=True, slots=True)
class LlmReward:
    """Fulfils `Judge`: an LLM judge whose scores go from 0 to 1, the ends of its rubric's scale."""

    asked: LlmJudge
    client: ApiClient

    @property
    def name(self) -> str:
        """What verdicts carry as their judge."""
        return self.asked.name

    @property
    def card(self) -> JudgeCard:
        """What a report says about this judge."""
        return self.asked.card

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Return one verdict per question; all are asked at once, as far as the server's limits go.

        Raises:
            InputError: the budget does not allow all calls, or as `ApiClient.ask`.
            ApiUnavailableError: not one call brought a reply.
        """
        verdicts = self.asked.judge(questions)
        pending = sum(verdict.outcome == Outcome.PENDING for verdict in verdicts)
        if pending:
            raise InputError(
                f"the budget of the reward judge {self.name!r} is spent: {pending:,} of "
                f"{len(verdicts):,} answers of this iteration were not judged. Raise "
                "budget.max_cost_usd or budget.max_tokens and run it again: training goes on from "
                "here, and what was judged is not paid again"
            )
        if not any(Outcome(verdict.outcome).is_reply for verdict in verdicts):
            raise ApiUnavailableError(
                f"none of {len(verdicts):,} calls of the reward judge {self.name!r} brought a "
                f"reply; the last: {verdicts[-1].outcome}: {verdicts[-1].detail}. Nothing is lost: "
                "run it again when the server is back"
            )
        return [self._scaled(verdict) for verdict in verdicts]

    def spent(self) -> list[Spending]:
        """Return what this run spent so far."""
        journal = self.client.server.journal
        query = partial(
            spending, run=journal.run_id, stage=journal.stage, reused=self.client.reused
        )
        return journal.run(query)

    def _scaled(self, verdict: Verdict) -> Verdict:
        scores = self.asked.rubric.scores
        if not scores or verdict.score is None:
            return verdict
        return replace(verdict, score=(verdict.score - scores[0]) / (scores[-1] - scores[0]))


def reward_journal(
    params: PPOParams, journal: Path, *, run: str, stage: str
) -> AbstractContextManager[Journal]:
    """Return the journal of the calls of one run under its budget."""
    return open_journal(journal, run=run, stage=stage, budget=params.budget)


def llm_reward(params: PPOParams, journal: Journal, *, api_key: str) -> LlmReward:
    """Return the LLM judge that `params` name as the reward.

    Raises:
        InputError: no such rubric, or a price table that cannot be read.
    """
    prices = Prices.read(params.budget.prices)
    client = ApiClient(connect(params.api, journal, prices, api_key=api_key))
    judging = JudgingParams(judge=params.reward, **params.asking.model_dump())
    rubric = load_rubric(params.asking.rubric)
    return LlmReward(LlmJudge(client, params.reward_model, rubric, judging), client)
