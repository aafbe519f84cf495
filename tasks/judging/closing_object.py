"""The JSON object with which a reply ends, read strictly and in linear time."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

_MARKS = re.compile(r'\\.|["{}]', re.DOTALL)
_AFTER = " \t\r\n`*"


@dataclass(frozen=True, slots=True)
class ClosingObject:
    """The values of an object by casefolded key, and what stands before it on its line."""

    values: Mapping[str, Any]
    before: str


def closing_object(text: str) -> ClosingObject | None:
    """Return the JSON object that ends a text, None where none does.

    Only white space, the end of a code fence and asterisks may follow it. Objects inside it or
    inside its strings are no candidates. An object with a key that stands twice with different
    values (case aside), with NaN or an infinity, or nested too deeply is none.
    """
    ended = text.rstrip(_AFTER)
    start = _start(ended)
    if start is None:
        return None
    try:
        values = json.loads(ended[start:], object_pairs_hook=_distinct, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    line = max(ended.rfind("\n", 0, start), ended.rfind("\r", 0, start)) + 1
    return ClosingObject(values=values, before=ended[line:start])


def _start(text: str) -> int | None:
    """Return where the object begins that the last brace closes.

    In JSON a quote that is not escaped opens or closes a string, so strings can be told from the
    end of the text backwards. From its beginning they could not: prose has quotes of its own.
    """
    if not text.endswith("}"):
        return None
    depth, quoted = 0, False
    marks = [match.start() for match in _MARKS.finditer(text) if len(match[0]) == 1]
    for position in reversed(marks):
        mark = text[position]
        if mark == '"':
            quoted = not quoted
        elif not quoted:
            depth += 1 if mark == "}" else -1
            if depth == 0:
                return position
    return None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for spelled, value in pairs:
        key = spelled.casefold()
        if key in values and (type(values[key]), values[key]) != (type(value), value):
            raise ValueError(f"key {key!r} stands twice with different values")
        values[key] = value
    return values


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
