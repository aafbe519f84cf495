"""The answers of a row, under one of the names that they go by."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tasks.annotation.comparison_item import MOST_RESPONSES, SIDES
from tasks.annotation.formats.texts import text_in
from tasks.annotation.formats.unusable_row import UnusableRowError

_PLACES = "123456789"
_NUMBERED = re.compile(r"(response|answer|completion|text)[ _-]?([1-9a-i])", re.IGNORECASE)
_CHOSEN = ("chosen", "rejected")
_LISTED = ("responses", "answers", "items")


class Responses(NamedTuple):
    """The texts of the answers, and what the file calls each."""

    texts: tuple[str, ...]
    names: tuple[str, ...]


def responses_in_row(values: Mapping[str, Any], count: int | None = None) -> Responses:
    """Return the answers: a list, columns numbered from 1 or from a, or chosen and rejected.

    The elements of a list are texts, or {id, body} as Label Studio's List shows them. With `count`,
    which a file that we wrote states, answers may be empty or equal.

    Raises:
        UnusableRowError: there are not 2 to 9, one is no text, or all say the same.
    """
    found = _named(values, count)
    if count is not None and len(found) != count:
        raise UnusableRowError(f"{len(found)} responses, but {count} were exported")
    if not 2 <= len(found) <= MOST_RESPONSES:  # noqa: PLR2004  - one cannot be compared
        raise UnusableRowError(f"{len(found)} responses; 2 to {MOST_RESPONSES} can be compared")
    texts = tuple([text_in(text, name, may_be_empty=count is not None) for name, text in found])
    if count is None and len({text.strip() for text in texts}) == 1:
        raise UnusableRowError("all responses are the same")
    return Responses(texts, tuple([name for name, _ in found]))


def is_response(column: str) -> bool:
    """Return whether a column holds an answer, or answers."""
    return column in {*_LISTED, *_CHOSEN} or _NUMBERED.fullmatch(column) is not None


def _named(values: Mapping[str, Any], count: int | None) -> list[tuple[str, Any]]:
    """Return names and values of the answers under the one way of naming them that the row has."""
    ways: dict[str, list[tuple[str, Any]]] = {}
    for name in _LISTED:
        if isinstance(values.get(name), list):
            ways[name] = _elements(values[name])
        elif name == "responses" and values.get(name) is not None:
            raise UnusableRowError("responses is no list")
    if any(values.get(name) is not None for name in _CHOSEN):
        ways["chosen"] = [(name, values.get(name)) for name in _CHOSEN]
    for stem, numbered in _by_stem(values).items():
        places = _in_order(numbered, count)
        if places:
            ways[stem] = places
    if not ways:
        raise UnusableRowError("no responses")
    if len(ways) > 1:
        raise UnusableRowError(f"answers under {' and '.join(ways)}; leave one of them")
    return next(iter(ways.values()))


def _elements(listed: list[Any]) -> list[tuple[str, Any]]:
    """Return the elements of a list by their id where they have one, otherwise by their place."""
    return [
        (str(element.get("id", place)), element.get("body"))
        if isinstance(element, dict)
        else (f"response {place}", element)
        for place, element in enumerate(listed, start=1)
    ]


def _by_stem(values: Mapping[str, Any]) -> dict[str, dict[str, tuple[str, Any]]]:
    stems: dict[str, dict[str, tuple[str, Any]]] = {}
    for column, value in values.items():
        if found := _NUMBERED.fullmatch(column):
            stem, place = found[1].lower(), found[2].lower()
            if place in stems.setdefault(stem, {}):
                raise UnusableRowError(f"two columns for {stem} {place}")
            stems[stem][place] = (column, value)
    return stems


def _in_order(numbered: Mapping[str, tuple[str, Any]], count: int | None) -> list[tuple[str, Any]]:
    """Return columns in order, without those that are empty at the end."""
    marks = SIDES if any(place in SIDES for place in numbered) else _PLACES
    listed = [numbered.get(mark, ("", None)) for mark in marks]
    if any(place not in marks for place in numbered):
        raise UnusableRowError("answers are numbered and lettered at once")
    if count is not None:
        return listed[:count]
    while listed and listed[-1][1] in (None, ""):
        listed.pop()
    if any(not name for name, _ in listed):
        raise UnusableRowError("a number is missing among the answers")
    return listed
