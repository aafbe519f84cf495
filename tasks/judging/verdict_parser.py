"""Reading what a judge's reply says: strictly, purely, and so that stored replies can be re-read.

A reply says something in one of two forms. Either it ends with a JSON object of its own
(`{"reason": ..., "verdict": "1"}`, alone, in a code fence, or on a new line after prose), or it has
a line such as `VERDICT: 1`, which may be in bold, in backticks or in brackets. The last such line
counts, and it must be the last or the first line of the reply: a judge that quotes a candidate
may have any line in the middle. What is said in any other way is not read, and nothing is guessed
from prose.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from tasks.judging.choice_labels import normal_label
from tasks.judging.closing_object import closing_object

PARSER = "verdict-parser v1"
"""Name and version of this reader. Raise the version with every change of what it reads."""

Strategy = Literal["json", "line"]
Shown = Literal["1", "2", "tie"]
_AROUND_KEY = " \t*_`[]()#"
_AROUND_VALUE = " \t*_`[](){}\"'"
_AROUND_LABEL = " \t*_`\"'"
_FENCE = "```"
_MAX_VALUE = 40
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,8})(?:\.0{1,8})?")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,23}")
_OPEN_OBJECT = re.compile(r"(?:```[a-zA-Z]{0,8}\s*)?\{")
_LINES = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class ReadVerdict:
    """The position that was preferred, as shown to the judge, or `tie`."""

    value: Shown
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class ReadScore:
    """A point on the rubric's scale."""

    value: int
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class ReadAspects:
    """A point on the rubric's scale for each of its aspects."""

    values: Mapping[str, int]
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class ReadLabel:
    """The label of an option as the judge spelled it."""

    value: str
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class _Said:
    value: Any
    strategy: Strategy


def read_verdict(text: str, *, tie: bool) -> ReadVerdict | None:
    """Return which answer a reply prefers, None where it does not say so in an allowed form.

    `tie` tells whether the rubric allows a tie; where it does not, a tie is not read.
    """
    said = _said(text, "verdict")
    if said is None:
        return None
    value = _spelled(said.value).lower()
    if value in {"1", "2"} or (tie and value == "tie"):
        return ReadVerdict(value=cast("Shown", value), strategy=said.strategy)
    return None


def read_score(text: str, *, low: int, high: int) -> ReadScore | None:
    """Return the score of a reply, None where there is none from `low` to `high`.

    A score may be written as a fraction of the highest one: `7/10` if that is 10.
    """
    said = _said(text, "score")
    score = None if said is None else _point(said.value, low, high)
    if said is None or score is None:
        return None
    return ReadScore(value=score, strategy=said.strategy)


def read_aspects(text: str, *, aspects: Sequence[str], low: int, high: int) -> ReadAspects | None:
    """Return the score of every aspect, None where one is missing or not from `low` to `high`."""
    said = _said(text, "scores")
    if said is None or not isinstance(said.value, Mapping):
        return None
    points = {name: _point(said.value.get(name.casefold()), low, high) for name in aspects}
    values = {name: point for name, point in points.items() if point is not None}
    complete = values and len(values) == len(points)
    return ReadAspects(values=values, strategy=said.strategy) if complete else None


def read_label(text: str) -> ReadLabel | None:
    """Return the label that a reply names, None where it names none or more than one.

    A label is a number or a letter as answers spell them (`2`, `(b)`, `Option 2`), or one word.
    """
    said = _said(text, "label")
    if said is None:
        return None
    label = _spelled(said.value, around=_AROUND_LABEL)
    if normal_label(label) or _WORD.fullmatch(label):
        return ReadLabel(value=label, strategy=said.strategy)
    return None


def _said(text: str, key: str) -> _Said | None:
    """Return what the reply says under a key, not yet checked against what is allowed."""
    reply = _without_fence(text.strip())
    if reply.startswith("<think>") and "</think>" not in reply:
        return None
    closing = closing_object(reply)
    if closing is not None and closing.before.strip(" \t`*").lower() in {"", "json"}:
        return _Said(closing.values[key], "json") if key in closing.values else None
    if _OPEN_OBJECT.match(reply):
        return None  # an object that was cut off, whose strings may have lines of their own
    if key == "scores" and closing is not None and _claim(closing.before, key) == "":
        return _Said(closing.values, "line")
    claimed = _claimed(reply, key)
    if claimed is None:
        return None
    written = closing_object(claimed) if key == "scores" else None
    return _Said(claimed if written is None else written.values, "line")


def _claimed(reply: str, key: str) -> str | None:
    """Return the value of the last line that begins with the key, None inside other lines."""
    lines = [line for line in _LINES.split(reply) if line.strip()]
    for index in range(len(lines) - 1, -1, -1):
        value = _claim(lines[index], key)
        if value is not None:
            return value if index in {0, len(lines) - 1} else None
    return None


def _claim(line: str, key: str) -> str | None:
    """Return what follows `KEY:` on a line, None where the line begins otherwise."""
    head, colon, value = line.replace("\uff1a", ":").partition(":")
    return value.strip() if colon and head.strip(_AROUND_KEY).lower() == key else None


def _spelled(value: object, around: str = _AROUND_VALUE) -> str:
    """Return a JSON value or the end of a line without decoration, empty where it is no value."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    spelled = str(value).strip(around).removesuffix(".").strip(around)
    return spelled if len(spelled) <= _MAX_VALUE else ""


def _point(value: object, low: int, high: int) -> int | None:
    number, slash, total = _spelled(value).partition("/")
    if slash and total.strip() != str(high):
        return None
    if not _INTEGER.fullmatch(number.strip()):
        return None
    point = int(number.partition(".")[0])
    return point if low <= point <= high else None


def _without_fence(reply: str) -> str:
    """Return what one code fence around the whole reply encloses, otherwise the reply."""
    inner = reply.removeprefix(_FENCE).removesuffix(_FENCE)
    if len(inner) + 2 * len(_FENCE) != len(reply) or _FENCE in inner:
        return reply
    language, newline, rest = inner.partition("\n")
    return rest.strip() if newline and language.strip().isalnum() else inner.strip()
