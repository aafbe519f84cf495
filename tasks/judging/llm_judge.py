"""A language model behind an API as a judge."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.input_error import InputError
from storage.tables.verdicts import Verdict
from tasks.judging.choice_labels import choice_key
from tasks.judging.comparison import Comparison
from tasks.judging.decision_question import check_decidable, decision_body
from tasks.judging.judge import Question
from tasks.judging.judge_card import JudgeCard
from tasks.judging.judge_prompt import chat_body
from tasks.judging.judge_verdict import Shown, verdict_of
from tasks.judging.load_rubric import load_rubric, rubric_names
from tasks.judging.params import JudgingParams
from tasks.judging.rubric import Rubric
from tasks.progress import Progress, silent
from tasks.sampling.api.api import Api
from tasks.sampling.api.request import ApiRequest


@dataclass(frozen=True, slots=True)
class LlmJudge:
    """Asks a model about answers under a rubric: single ones, or two in both orders.

    Raises:
        InputError: a rubric that the backend cannot ask.
    """

    api: Api
    model: str
    rubric: Rubric
    params: JudgingParams

    def __post_init__(self) -> None:
        """Refuse before anything is paid."""
        if self.params.backend == "decisions":
            check_decidable(self.rubric)

    @property
    def name(self) -> str:
        """What verdicts carry as their judge."""
        return f"llm:{self.model}"

    @property
    def card(self) -> JudgeCard:
        """What a report says about this judge."""
        orders = ", each comparison in both orders" if self.rubric.kind == "pairwise" else ""
        return JudgeCard(
            name=self.name,
            what=f"asks {self.model} under the rubric {self.rubric.identity}{orders}",
        )

    def judge(self, questions: Sequence[Question], progress: Progress = silent) -> list[Verdict]:
        """Return one verdict per question; what was not answered or not readable says why.

        Raises:
            InputError: the rubric compares answers, or a choice rubric and a prompt that does not
                say which option is risk-averse.
        """
        if self.rubric.kind == "pairwise":
            raise InputError(self._misfit("compares two answers", "score single ones", fits=False))
        has_key = self.rubric.kind == "choice"
        shown = [
            Shown(
                prompt=question.prompt,
                answers=(question.completion,),
                key=choice_key(question.prompt) if has_key else None,
            )
            for question in questions
        ]
        return self._verdicts(shown, progress)

    def compare(
        self, comparisons: Sequence[Comparison], progress: Progress = silent
    ) -> list[Verdict]:
        """Return two verdicts per comparison, a shown first and then b shown first.

        Raises:
            InputError: the rubric is about single answers.
        """
        if self.rubric.kind != "pairwise":
            raise InputError(self._misfit("is about single answers", "compare two", fits=True))
        shown = [
            Shown(prompt=pair.prompt, answers=answers, swapped=swapped)
            for pair in comparisons
            for swapped, answers in ((False, (pair.a, pair.b)), (True, (pair.b, pair.a)))
        ]
        return self._verdicts(shown, progress)

    def _verdicts(self, shown: Sequence[Shown], progress: Progress) -> list[Verdict]:
        replies = self.api.ask([self._request(call) for call in shown], progress)
        return [
            verdict_of(call, reply, judge=self.name, rubric=self.rubric)
            for call, reply in zip(shown, replies, strict=True)
        ]

    def _request(self, shown: Shown) -> ApiRequest:
        asked = (self.model, self.rubric, shown.prompt, shown.texts)
        if self.params.backend == "decisions":
            return ApiRequest(endpoint="/decisions", body=decision_body(*asked, key=shown.key))
        return ApiRequest(body=chat_body(*asked, self.params))

    def _misfit(self, what: str, wanted: str, *, fits: bool) -> str:
        fitting = [
            name for name in rubric_names() if (load_rubric(name).kind == "pairwise") is fits
        ]
        return (
            f"rubric {self.rubric.name!r} {what} (kind {self.rubric.kind}); to {wanted} use "
            f"{', '.join(fitting)}, or a .yaml file of your own"
        )
