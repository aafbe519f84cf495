"""Prompts, answers, an API that is a function, and judges that are functions of texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from storage.tables.verdicts import Verdict
from tasks.judging.comparison import Comparison
from tasks.judging.judge_card import JudgeCard
from tasks.progress import silent
from tasks.sampling.api.reply import ApiReply, Choice, Outcome
from tasks.sampling.api.request import ApiRequest

NO_VERDICT = "unparsable"
URL = "http://localhost/v1"


def prompt(name="p", *roles_and_texts):
    turns = roles_and_texts or (("user", name),)
    return Prompt(
        source="s",
        split="train",
        messages=tuple(Message(role, text) for role, text in turns),
        cluster=name,
        origin=f"{name}:1",
    )


def answer(asked, text, index=0, policy="p"):
    return Completion(
        prompt_id=asked.prompt_id,
        policy=policy,
        text=text,
        sample_index=index,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=3,
    )


def answers(asked, *texts):
    return [answer(asked, text, index) for index, text in enumerate(texts)]


def texts_reply(*texts, outcome=Outcome.OK, tokens=0, finish_reason="stop"):
    choices = tuple(Choice(text=text, finish_reason=finish_reason) for text in texts)
    return ApiReply(key="", outcome=outcome, choices=choices, completion_tokens=tokens)


def no_reply(outcome, reason="why"):
    return ApiReply(key="", outcome=outcome, reason=reason)


@dataclass
class FunctionApi:
    """Fulfils `Api`: `say` answers a request with a text, or with a whole reply."""

    say: Callable[[ApiRequest], str | ApiReply]
    batches: list[list[ApiRequest]] = field(default_factory=list)

    def ask(self, requests: Sequence[ApiRequest], progress=silent):
        self.batches.append(list(requests))
        said = [self.say(request) for request in requests]
        replies = [texts_reply(reply) if isinstance(reply, str) else reply for reply in said]
        progress(len(replies), len(replies))
        return [
            replace(reply, key=request.key(URL))
            for reply, request in zip(replies, requests, strict=True)
        ]


@dataclass
class TextComparer:
    """Fulfils `PairwiseJudge`: `say` reads the two texts as they are shown.

    It says 1, 2, tie or unparsable, the outcome of a call, or the probability of the first one.
    """

    say: Callable[[str, str], str | Outcome | float]
    name: str = "llm:j"
    rubric: str = "pairwise-overall v1 01234567"
    flagged: frozenset[str] = frozenset()
    num_calls: int = 0

    @property
    def card(self):
        return JudgeCard(name=self.name, what="reads texts")

    def compare(self, comparisons: Sequence[Comparison], progress=silent):
        self.num_calls += 1
        progress(2 * len(comparisons), 2 * len(comparisons))
        return [
            self._verdict(row, swapped=swapped) for row in comparisons for swapped in (False, True)
        ]

    def _verdict(self, row, *, swapped):
        shown = (row.b, row.a) if swapped else (row.a, row.b)
        said = self.say(*[each.text for each in shown])
        verdict = Verdict(
            completion_a=row.a.completion_id,
            completion_b=row.b.completion_id,
            judge=self.name,
            rubric=self.rubric,
            swapped=swapped,
            flags=("obeys-candidate",) if {row.a.text, row.b.text} & self.flagged else (),
        )
        if isinstance(said, Outcome):
            return replace(verdict, outcome=said.value, detail="why")
        if isinstance(said, float):
            first = 1 - said if swapped else said
            choice = "tie" if said == 0.5 else "1" if said > 0.5 else "2"
            return replace(verdict, choice=_named(choice, swapped), probability=first)
        return replace(verdict, choice=_named(said, swapped))


def _named(said, swapped):
    names = {"1": "b", "2": "a"} if swapped else {"1": "a", "2": "b"}
    return names.get(said, said)


@dataclass
class TextScorer:
    """Fulfils `Judge`: `say` gives the score of a text, unparsable, or an outcome of a call."""

    say: Callable[[str], float | str | Outcome]
    name: str = "lexical-train"
    rubric: str = ""
    flagged: frozenset[str] = frozenset()

    @property
    def card(self):
        return JudgeCard(name=self.name, what="reads texts")

    def judge(self, questions):
        return [self.verdict(question.completion) for question in questions]

    def verdict(self, of):
        said = self.say(of.text)
        verdict = Verdict(
            completion_a=of.completion_id,
            judge=self.name,
            rubric=self.rubric,
            flags=("obeys-candidate",) if of.text in self.flagged else (),
        )
        if isinstance(said, Outcome):
            return replace(verdict, outcome=said.value, detail="why")
        if said == NO_VERDICT:
            return replace(verdict, choice=NO_VERDICT, detail="no score there")
        return replace(verdict, score=said)


def longer(first, second):
    """Say which of two texts is longer."""
    if len(first) == len(second):
        return "tie"
    return "1" if len(first) > len(second) else "2"
