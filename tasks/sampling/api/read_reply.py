"""What a server sent with HTTP 200, taken for what it is and never for more.

The openai client returns an HTML page as text, `{}` as a completion without choices, and lets cut-off
JSON fail as if the program were at fault. So its raw bytes are read here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tasks.sampling.api.reply import Choice, Outcome, TokenLogprob, Usage
from tasks.sampling.api.request import ApiRequest

SHOWN_CHARACTERS = 200
_MOST_TOKENS = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReply:
    """What a body says; `usage` is null where it does not say."""

    outcome: Outcome
    reason: str = ""
    model: str = ""
    choices: tuple[Choice, ...] = ()
    answers: tuple[Mapping[str, Any], ...] = ()
    usage: Usage | None = None


@dataclass(slots=True)
class _Texts:
    """The texts of a reply and why others are missing."""

    choices: list[Choice] = field(default_factory=list)
    faults: list[tuple[Outcome, str]] = field(default_factory=list)


def read_reply(request: ApiRequest, body: bytes) -> ReadReply:
    """Return what the body of a reply with HTTP 200 says; any bytes will do."""
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return ReadReply(outcome=Outcome.NOT_JSON, reason=f"{error}: {_shown(body)}")
    if not isinstance(reply, dict):
        return ReadReply(outcome=Outcome.NOT_A_COMPLETION, reason=f"no object: {_shown(body)}")
    listed = reply.get("answers" if request.endpoint == "/decisions" else "choices")
    if not isinstance(listed, list):
        return ReadReply(outcome=Outcome.NOT_A_COMPLETION, reason=_error_of(reply, body))
    said = _decided(listed, request) if request.endpoint == "/decisions" else _chat(listed, request)
    return ReadReply(
        outcome=said.outcome,
        reason=said.reason,
        model=str(reply.get("model") or ""),
        choices=said.choices,
        answers=said.answers,
        usage=_usage(reply.get("usage")),
    )


def _decided(listed: list[Any], request: ApiRequest) -> ReadReply:
    answers = tuple(answer for answer in listed if isinstance(answer, dict))
    asked = len(request.body["questions"])
    if not answers:
        return ReadReply(outcome=Outcome.NO_CHOICES, reason="the list of answers is empty")
    if all(answer.get("type") == "refusal" for answer in answers):
        return ReadReply(outcome=Outcome.REFUSAL, reason="refused", answers=answers)
    if len(answers) < asked:
        reason = f"{len(answers)} of {asked} answers"
        return ReadReply(outcome=Outcome.FEWER_CHOICES, reason=reason, answers=answers)
    return ReadReply(outcome=Outcome.OK, answers=answers)


def _chat(listed: list[Any], request: ApiRequest) -> ReadReply:
    if not listed:
        return ReadReply(outcome=Outcome.NO_CHOICES, reason="the list of choices is empty")
    texts = _Texts()
    for choice in listed[: request.num_choices]:
        _read_choice(choice, texts)
    choices = tuple(texts.choices)
    if not choices:
        outcome, reason = texts.faults[0]
        return ReadReply(outcome=outcome, reason=reason)
    if len(choices) < request.num_choices:
        why = f"; {texts.faults[0][0]}: {texts.faults[0][1]}" if texts.faults else ""
        reason = f"{len(choices)} of {request.num_choices} texts{why}"
        return ReadReply(outcome=Outcome.FEWER_CHOICES, reason=reason, choices=choices)
    cut = any(choice.finish_reason == "length" for choice in choices)
    return ReadReply(outcome=Outcome.LENGTH if cut else Outcome.OK, choices=choices)


def _read_choice(choice: object, texts: _Texts) -> None:
    """Add the text of a choice, or the fault for which it has none."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        texts.faults.append(
            (Outcome.NOT_A_COMPLETION, f"a choice without a message: {choice!r:.80}")
        )
        return
    content, reason = message.get("content"), str(choice.get("finish_reason") or "stop")
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        texts.faults.append((Outcome.REFUSAL, refusal[:SHOWN_CHARACTERS]))
    elif reason == "content_filter":
        texts.faults.append((Outcome.CONTENT_FILTER, "the provider's filter withheld the text"))
    elif isinstance(content, str) and content.strip():
        texts.choices.append(
            Choice(text=content, finish_reason=reason, tokens=_tokens(choice.get("logprobs")))
        )
    elif reason == "length":  # the limit went on hidden reasoning: the same again would go as well
        texts.faults.append((Outcome.LENGTH, "the limit of tokens was reached before any text"))
    else:
        what = "null" if content is None else repr(content)[:80]
        texts.faults.append((Outcome.NO_CONTENT, f"the content is {what}"))


def _tokens(logprobs: object) -> tuple[TokenLogprob, ...] | None:
    """Return the drawn tokens with their log-probabilities, None where they are not as expected."""
    listed = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(listed, list) or not listed:
        return None
    try:
        return tuple(
            TokenLogprob(
                token=str(item["token"]),
                logprob=float(item["logprob"]),
                top=tuple(
                    (str(other["token"]), float(other["logprob"]))
                    for other in item.get("top_logprobs") or ()
                ),
            )
            for item in listed
        )
    except (KeyError, TypeError, ValueError):
        return None


def _error_of(reply: Mapping[str, Any], body: bytes) -> str:
    error = reply.get("error")
    said = error.get("message") if isinstance(error, dict) else error
    return f"an error: {said}"[:SHOWN_CHARACTERS] if said else f"no reply: {_shown(body)}"


def _usage(said: object) -> Usage | None:
    """Return the tokens that a reply reports, None unless it gives both counts."""
    if not isinstance(said, dict):
        return None
    prompt = _count(said.get("prompt_tokens", said.get("input_tokens")))
    completion = _count(said.get("completion_tokens", said.get("output_tokens")))
    if prompt is None or completion is None:
        return None
    details = said.get("prompt_tokens_details") or said.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    cached = min(_count(details.get("cached_tokens")) or 0, prompt)
    written = min(_count(details.get("cache_write_tokens")) or 0, prompt - cached)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=written,
    )


def _count(value: object) -> int | None:
    """Return a count, None if it is none; a number that no bill can hold is none either."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS:
        return value
    return None


def _shown(body: bytes) -> str:
    return repr(body[:SHOWN_CHARACTERS].decode(errors="replace"))
