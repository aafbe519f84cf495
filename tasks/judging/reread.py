"""Stored replies of judges, read once more without any call."""

from dataclasses import replace

import orjson

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.judging.choice_labels import ChoiceKey, choice_key
from tasks.judging.decision_answer import DECISION_READER, read_decision
from tasks.judging.judge_verdict import UNREAD, settled
from tasks.judging.reading import PARSER_AND_LOGPROBS, Reading, read_choice
from tasks.judging.rubric import Rubric
from tasks.judging.verdict_parser import PARSER
from tasks.judging.verdict_probabilities import LOGPROB_READER
from tasks.sampling.api.reply import Choice, Outcome

_FROM_LOGPROBS = LOGPROB_READER.partition(" ")[0]


def reread(verdict: Verdict, rubric: Rubric, prompt: Prompt | None = None) -> Verdict:
    """Return a stored verdict as its reply reads today, without any call.

    It is unchanged where no reader has changed since. Log-probabilities are not stored: a verdict
    that came from them keeps its numbers as long as its text is still readable. Flags stay as they
    are. Choice rubrics need the verdict's prompt.

    Raises:
        InputError: the verdict is about another rubric, or a choice rubric without a prompt.
    """
    if verdict.rubric != rubric.identity:
        raise InputError(
            f"verdict {verdict.verdict_id} was given under the rubric {verdict.rubric!r}, so it "
            f"cannot be read under {rubric.identity!r}; load the rubric that it names"
        )
    if rubric.kind == "choice" and prompt is None:
        raise InputError(
            f"verdict {verdict.verdict_id} is about a choice, and which option is risk-averse stands "
            "in its prompt; give the prompt"
        )
    if not verdict.parser or Outcome(verdict.outcome) in UNREAD:
        return verdict
    key = choice_key(prompt) if prompt is not None and rubric.kind == "choice" else None
    reading = _again(verdict, rubric, key)
    if reading is not None and _FROM_LOGPROBS in verdict.parser:
        return replace(verdict, parser=PARSER_AND_LOGPROBS)
    reader = DECISION_READER if _is_decision(verdict) else PARSER
    return settled(replace(verdict, parser=reader), reading, rubric)


def _again(verdict: Verdict, rubric: Rubric, key: ChoiceKey | None) -> Reading | None:
    if _is_decision(verdict):
        return read_decision(orjson.loads(verdict.reply), rubric, key=key)
    text = Choice(text=verdict.reply, finish_reason="")
    return read_choice(text, rubric, cut=verdict.outcome == Outcome.LENGTH, key=key)


def _is_decision(verdict: Verdict) -> bool:
    return verdict.parser.startswith(DECISION_READER.partition(" ")[0])
