"""Prompts and answers of a row, given as plain texts or as lists of messages.

Messages are {role, content}, or {from, value} as ShareGPT writes them; a text that is a JSON list
of messages (a CSV has no other way) is read as that list. Contents are kept verbatim.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.record import Record, refuse

_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "text": "text",
}


class UnusableRowError(ValueError):
    """Why a row cannot be used; `outcomes` catches it and refuses the row."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A prompt and two answers to it that differ."""

    messages: tuple[Message, ...]
    chosen: str
    rejected: str


def outcomes(
    records: Iterable[Record], source: str, example: Callable[[Record], Example]
) -> Iterator[Example | Refusal]:
    """Yield what `example` makes of each record, or the refusal with the fault that it raised."""
    for record in records:
        yield _outcome(record, source, example)


def _outcome(
    record: Record, source: str, example: Callable[[Record], Example]
) -> Example | Refusal:
    if record.fault:
        return refuse(record, source, record.fault)
    try:
        return example(record)
    except UnusableRowError as fault:
        return refuse(record, source, str(fault))


def text_in(value: object, column: str) -> str:
    """Return a text that is not empty.

    Raises:
        UnusableRowError: it is none, or cannot be written down.
    """
    if value is None:
        raise UnusableRowError(f"no value in column {column}")
    if not isinstance(value, str):
        raise UnusableRowError(f"column {column} is no text")
    if "\0" in value:
        raise UnusableRowError(f"NUL character in column {column}")
    if not value or value.isspace():
        raise UnusableRowError(f"empty text in column {column}")
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError as error:  # bytes that were no UTF-8 are lone surrogates
        raise UnusableRowError("invalid UTF-8") from error
    return value


def prompt_in(value: object, column: str, role: str) -> tuple[Message, ...]:
    """Return a prompt: a text in the given role, or messages that end in a user turn.

    Raises:
        UnusableRowError: it is neither.
    """
    listed = listed_in(value)
    if listed is None:
        return (Message(role, text_in(value, column)),)
    return _asking(_turns(listed, column), column)


def answer_in(value: object, column: str, messages: tuple[Message, ...]) -> str:
    """Return an answer: a text, or messages whose last is the assistant's.

    Messages before the last one must be those of the prompt.

    Raises:
        UnusableRowError: it is neither, or answers another prompt.
    """
    listed = listed_in(value)
    if listed is None:
        return completion_of(text_in(value, column), messages)
    *before, last = _turns(listed, column)
    if last.role != "assistant":
        raise UnusableRowError(f"column {column} does not end in an assistant turn")
    if before and tuple(before) != messages:
        raise UnusableRowError(f"column {column} answers another prompt")
    return completion_of(last.content, messages)


def compared(chosen: str, rejected: str, messages: tuple[Message, ...]) -> Comparison:
    """Return two answers to a prompt.

    Raises:
        UnusableRowError: they are equal up to white space around them.
    """
    if chosen.strip() == rejected.strip():
        raise UnusableRowError("chosen equals rejected")
    return Comparison(messages, chosen, rejected)


def compare_conversations(
    chosen: list[Any], rejected: list[Any], columns: tuple[str, str]
) -> Comparison:
    """Return the shared turns of two conversations as the prompt of their last turns.

    This is the conversational format with an implicit prompt of the TRL library.

    Raises:
        UnusableRowError: they differ before their last turns, or do not end in an answer to a user.
    """
    ours, theirs = _turns(chosen, columns[0]), _turns(rejected, columns[1])
    if ours[:-1] != theirs[:-1]:
        raise UnusableRowError("conversations differ before the last turn")
    for turns, column in ((ours, columns[0]), (theirs, columns[1])):
        if turns[-1].role != "assistant":
            raise UnusableRowError(f"column {column} does not end in an assistant turn")
    messages = _asking(ours[:-1], columns[0])
    answers = [completion_of(turns[-1].content, messages) for turns in (ours, theirs)]
    return compared(answers[0], answers[1], messages)


def completion_of(text: str, messages: tuple[Message, ...]) -> str:
    """Return an answer as it continues the prompt.

    In a chat a space follows `Assistant:`, so one is put before an answer that has none; the
    continuation of a text is kept verbatim.
    """
    return text if messages[-1].role == "text" or text.startswith(" ") else f" {text}"


def listed_in(value: object) -> list[Any] | None:
    """Return the messages that a value is a list of, also as JSON, None if it is no list."""
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str) or not (value.startswith("[{") and value.endswith("}]")):
        return None
    try:
        read = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    is_messages = all(isinstance(turn, dict) and turn.keys() & {"role", "from"} for turn in read)
    return list(read) if is_messages else None


def _turns(listed: list[Any], column: str) -> tuple[Message, ...]:
    if not listed:
        raise UnusableRowError(f"no messages in column {column}")
    turns = tuple([_turn(turn, column) for turn in listed])
    if len(turns) > 1 and any(turn.role == "text" for turn in turns):
        raise UnusableRowError(f"column {column} mixes role text with other turns")
    return turns


def _turn(turn: object, column: str) -> Message:
    if not isinstance(turn, Mapping):
        raise UnusableRowError(f"column {column} holds a message that is not {{role, content}}")
    by, said = ("role", "content") if "role" in turn else ("from", "value")
    if by not in turn or said not in turn:
        raise UnusableRowError(f"column {column} holds a message that is not {{role, content}}")
    role = _ROLES.get(str(turn[by]))
    if role is None:
        raise UnusableRowError(
            f"column {column} holds a role other than system, user and assistant"
        )
    return Message(role, text_in(turn[said], column))


def _asking(turns: tuple[Message, ...], column: str) -> tuple[Message, ...]:
    if not turns or turns[-1].role not in {"user", "text"}:
        raise UnusableRowError(f"prompt in column {column} does not end in a user turn")
    return turns
