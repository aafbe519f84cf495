"""The prompt of a row: a text, or a list of messages."""

from collections.abc import Mapping
from typing import Any

import orjson

from storage.tables.table import Message
from tasks.annotation.formats.texts import text_in
from tasks.annotation.formats.unusable_row import UnusableRowError

NAMES = ("prompt", "instruction", "question")
"""What the column of the prompt may be called; the first counts where there are several."""
_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "text": "text",
}


def prompt_in_row(values: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the prompt: a text is one user turn, messages are {role, content} or {from, value}.

    A message of role `text` stands alone: it is the start of a text to be continued.

    Raises:
        UnusableRowError: there is none, or it is not one that can be answered.
    """
    present = [name for name in NAMES if values.get(name) is not None]
    if not present:
        raise UnusableRowError("no value for prompt")
    if len(present) > 1 and present[0] != NAMES[0]:
        raise UnusableRowError(
            f"{' and '.join(present)} may both be the prompt; name one of them so"
        )
    name = present[0]
    value = values[name]
    if not isinstance(value, list):
        return (Message("user", text_in(value, name)),)
    turns = tuple([_turn(turn, name) for turn in value])
    if not turns or turns[-1].role not in {"user", "text"}:
        raise UnusableRowError(f"{name} does not end in a user turn")
    if len(turns) > 1 and any(turn.role == "text" for turn in turns):
        raise UnusableRowError(f"{name} mixes role text with other turns")
    return turns


def written_prompt(messages: tuple[Message, ...]) -> str | list[dict[str, str]]:
    """Return a prompt as `prompt_in_row` reads it: one user turn as its text."""
    if len(messages) == 1 and messages[0].role == "user":
        return messages[0].content
    return written_turns(messages)


def written_turns(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    """Return messages as {role, content}."""
    return [{"role": turn.role, "content": turn.content} for turn in messages]


def prompt_cell(messages: tuple[Message, ...]) -> str:
    """Return a prompt as a CSV cell: messages as JSON, as is a text that looks like them."""
    written = written_prompt(messages)
    if isinstance(written, str) and not isinstance(unpacked_prompt(written), list):
        return written
    return orjson.dumps(written_turns(messages)).decode()


def unpacked_prompt(cell: str) -> str | list[Any]:
    """Return the messages that a CSV cell is a JSON list of, or the cell itself if it is none."""
    if not (cell.startswith("[{") and cell.endswith("}]")):
        return cell
    try:
        read = orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell
    is_messages = all(isinstance(turn, dict) and turn.keys() & {"role", "from"} for turn in read)
    return list(read) if is_messages else cell


def _turn(turn: object, name: str) -> Message:
    by, said = (
        ("role", "content") if isinstance(turn, dict) and "role" in turn else ("from", "value")
    )
    if not isinstance(turn, dict) or by not in turn or said not in turn:
        raise UnusableRowError(f"{name} holds a message that is not {{role, content}}")
    role = _ROLES.get(str(turn[by]))
    if role is None:
        raise UnusableRowError(f"{name} holds a role other than system, user, assistant and text")
    return Message(role, text_in(turn[said], name))
