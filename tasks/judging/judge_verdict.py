"""The verdict that a reply becomes."""

import math
from dataclasses import dataclass, replace

import orjson

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.judging.choice_labels import ChoiceKey
from tasks.judging.decision_answer import DECISION_READER, is_refused, read_decision
from tasks.judging.injection import flags_of
from tasks.judging.reading import Reading, read_choice
from tasks.judging.rubric import Rubric
from tasks.judging.verdict_parser import PARSER
from tasks.sampling.api.reply import ApiReply, Outcome

NO_VERDICT = "the reply holds no verdict in the form that was asked for"
NO_OPTION = "the reply names no option that the situation has"
REFUSED = "the model declined to answer a question"
UNREAD = frozenset({Outcome.REFUSAL, Outcome.CONTENT_FILTER})
"""Replies in which no verdict is looked for: what stands there is not an answer."""
_OTHER = {"1": "2", "2": "1", "tie": "tie"}
_NAMES = {"1": "a", "2": "b", "tie": "tie"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one call shows to the judge: one answer, or two in the order in which they are shown."""

    prompt: Prompt
    answers: tuple[Completion, ...]
    swapped: bool = False
    key: ChoiceKey | None = None

    @property
    def texts(self) -> list[str]:
        """The answers' texts in the order in which they are shown."""
        return [answer.text for answer in self.answers]


def verdict_of(shown: Shown, reply: ApiReply, *, judge: str, rubric: Rubric) -> Verdict:
    """Return what became of a call: a verdict, or the reason why there is none."""
    first, second = _a_and_b(shown)
    outcome = Outcome.REFUSAL if _refused_in_part(reply) else reply.outcome
    verdict = Verdict(
        completion_a=first.completion_id,
        completion_b=None if second is None else second.completion_id,
        judge=judge,
        swapped=shown.swapped,
        reply=_raw(reply),
        tokens=reply.prompt_tokens + reply.completion_tokens,
        cost_usd=reply.cost_usd,
        latency_seconds=reply.latency_seconds,
        outcome=outcome.value,
        detail=reply.reason or (REFUSED if outcome is not reply.outcome else ""),
        rubric=rubric.identity,
        parser=DECISION_READER if reply.answers else PARSER,
        request_key=reply.key,
    )
    if not outcome.is_reply:
        return replace(verdict, parser="")
    reading = None if outcome in UNREAD else _fresh(reply, rubric, shown.key)
    # Of labels none is the best one, so none is what an answer asks for that only praises itself.
    highest = rubric.scores[-1] if rubric.scores else math.inf
    verdict_said = (reading.shown or reading.said) if reading else ""
    flags = flags_of(shown.texts, verdict_said, highest=highest)
    return replace(settled(verdict, reading, rubric), flags=flags)


def _a_and_b(shown: Shown) -> tuple[Completion, Completion | None]:
    if len(shown.answers) == 1:
        return shown.answers[0], None
    first, second = shown.answers
    return (second, first) if shown.swapped else (first, second)


def _refused_in_part(reply: ApiReply) -> bool:
    return reply.outcome.is_reply and is_refused(reply.answers)


def _raw(reply: ApiReply) -> str:
    if reply.answers:
        return orjson.dumps([dict(answer) for answer in reply.answers]).decode()
    return reply.text or ""


def _fresh(reply: ApiReply, rubric: Rubric, key: ChoiceKey | None) -> Reading | None:
    if reply.answers:
        return read_decision(reply.answers, rubric, key=key)
    if not reply.choices:
        return None
    return read_choice(reply.choices[0], rubric, cut=reply.outcome is Outcome.LENGTH, key=key)


def settled(verdict: Verdict, reading: Reading | None, rubric: Rubric) -> Verdict:
    """Return the verdict with what was read, in terms of a and b."""
    if reading is None:
        why = verdict.detail or (NO_OPTION if rubric.kind == "choice" else NO_VERDICT)
        return replace(verdict, choice="unparsable", score=None, probability=None, detail=why)
    detail = "" if verdict.detail in {NO_VERDICT, NO_OPTION} else verdict.detail
    read = replace(verdict, parser=reading.parser, detail=detail, score=reading.score)
    probability = reading.probability
    if rubric.kind != "pairwise" or reading.shown is None:
        return replace(read, choice=None, probability=probability)
    if verdict.swapped and probability is not None:
        probability = 1 - probability
    position = _OTHER[reading.shown] if verdict.swapped else reading.shown
    return replace(read, choice=_NAMES[position], probability=probability)
