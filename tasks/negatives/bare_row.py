"""One line of a file of bare negatives, read and checked."""

from dataclasses import dataclass
from typing import Any, Literal

import orjson

from storage.tables.table import Message

ROLES = ("system", "user", "assistant", "text")
_SINGLE = ("response", "rejected")
_SHAPES = "{prompt, response}, {prompt, rejected} or {prompt, responses, preferred}"


class BareRowError(ValueError):
    """Why a line gives no negative; caught by the reader, which refuses the line."""


@dataclass(frozen=True, slots=True)
class BareRow:
    """A prompt with its unwanted responses, and why other responses of the line were refused."""

    messages: tuple[Message, ...]
    rejected: tuple[str, ...]
    faults: tuple[str, ...] = ()


def parse_bare_row(raw: bytes, prompt_role: Literal["user", "text"]) -> BareRow:
    """Return what a line holds.

    Raises:
        BareRowError: nothing of the line can be used.
    """
    try:
        row = orjson.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise BareRowError(f"is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise BareRowError(f"is a JSON {type(row).__name__}, not an object such as {_SHAPES}")
    if "prompt" not in row:
        raise BareRowError(f"has no prompt; it has {sorted(row)}, needed is {_SHAPES}")
    messages = _messages(row["prompt"], prompt_role)
    shapes = [name for name in (*_SINGLE, "responses") if name in row]
    if len(shapes) != 1:
        found = " and ".join(shapes) or "no response"
        raise BareRowError(f"has {found}; needed is exactly one of {_SHAPES}")
    if shapes[0] == "responses":
        return _several(messages, row)
    return BareRow(messages=messages, rejected=(_text(row[shapes[0]], shapes[0]),))


def _messages(prompt: Any, prompt_role: str) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (Message(role=prompt_role, content=_text(prompt, "prompt")),)
    if not isinstance(prompt, list) or not prompt:
        raise BareRowError(f"has a prompt of type {type(prompt).__name__}, not a text or messages")
    turns = tuple(_turn(turn) for turn in prompt)
    roles = [turn.role for turn in turns]
    if "text" in roles and len(roles) > 1:
        raise BareRowError(f"mixes role text with other turns: {roles}")
    if roles[-1] not in {"user", "text"}:
        raise BareRowError(f"has a prompt that ends with a {roles[-1]} turn, so nothing is asked")
    return turns


def _turn(turn: Any) -> Message:
    if not isinstance(turn, dict) or not {"role", "content"} <= turn.keys():
        raise BareRowError("has a message that is not {role, content}")
    if turn["role"] not in ROLES:
        raise BareRowError(f"has a message of role {turn['role']!r}; there is {', '.join(ROLES)}")
    return Message(role=turn["role"], content=_text(turn["content"], "content"))


def _several(messages: tuple[Message, ...], row: dict[str, Any]) -> BareRow:
    """Return the responses that are not the preferred one."""
    responses, preferred = row["responses"], row.get("preferred")
    if not isinstance(responses, list) or not responses:
        raise BareRowError("has responses that are not a list with at least one text")
    if "preferred" not in row:
        raise BareRowError("has responses but not which one is preferred; null if none is")
    if preferred is not None and (isinstance(preferred, bool) or not isinstance(preferred, int)):
        raise BareRowError(f"has preferred {preferred!r}, not an index from 0 or null")
    if preferred is not None and not 0 <= preferred < len(responses):
        raise BareRowError(f"has preferred {preferred}, but responses 0 to {len(responses) - 1}")
    rejected: list[str] = []
    faults: list[str] = []
    for index, response in enumerate(responses):
        if index == preferred:
            continue
        if preferred is not None and response == responses[preferred]:
            faults.append(f"response {index} is the same text as the preferred one")
            continue
        try:
            rejected.append(_text(response, f"response {index}"))
        except BareRowError as fault:
            faults.append(str(fault))
    if not rejected and not faults:
        raise BareRowError("has no response besides the preferred one")
    return BareRow(messages=messages, rejected=tuple(rejected), faults=tuple(faults))


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BareRowError(f"has a {name} of type {type(value).__name__}, not a text")
    if not value.strip():
        raise BareRowError(f"has an empty {name}")
    return value
