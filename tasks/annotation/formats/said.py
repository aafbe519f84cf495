"""What a person said, as other tools write it, in the letters of the comparison."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import SIDES
from tasks.annotation.formats.comparison_in_row import ReadItem
from tasks.annotation.formats.exported_item import KEY, unpacked
from tasks.annotation.formats.file_row import FileName
from tasks.annotation.formats.label_in_row import STRENGTHS, label_in_row
from tasks.annotation.formats.sides import NO_SIDE
from tasks.annotation.formats.unusable_row import UnusableRowError

_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Values of `label_in_row` that a foreign format holds."""

    choice: str
    worst: str | None = None
    strength: str | None = None
    note: str = ""


def named_choice(value: object, names: Sequence[str]) -> str | None:
    """Return the side that `value` is the name of, or tie and the like; None if it is neither.

    Case and what separates words do not matter. A bare number is no name: it may be a rating.
    """
    if not isinstance(value, str):
        return None
    said = _plain(value)
    known = {_plain(name): SIDES[place] for place, name in enumerate(names) if not name.isdigit()}
    return known.get(said) or next((word for word in NO_SIDE if _plain(word) == said), None)


def named_strength(value: object) -> str | None:
    """Return slight or clear, None if `value` says neither."""
    said = value.strip().lower() if isinstance(value, str) else ""
    return said if said in STRENGTHS else None


def ranked(groups: Sequence[Sequence[str]], names: Sequence[str]) -> Said:
    """Return what a ranking says: groups of equally good answers, the best first.

    Raises:
        UnusableRowError: it names something else than the answers, or one of them twice.
    """
    sides = {name: SIDES[place] for place, name in enumerate(names)}
    letters = [
        [sides.get(one) or named_choice(one, names) for one in group] for group in groups if group
    ]
    flat = [letter for group in letters for letter in group]
    if not flat or any(letter not in tuple(SIDES) for letter in flat) or len(set(flat)) < len(flat):
        raise UnusableRowError("a ranking does not name the answers, each once")
    if len(letters[0]) > 1:
        return Said(choice="tie")
    is_whole = len(flat) == len(names) and len(letters[-1]) == 1 and len(letters) > 1
    return Said(choice=str(letters[0][0]), worst=letters[-1][0] if is_whole else None)


def one_of(found: Iterable[Said], what: str) -> Said:
    """Return what all say alike.

    Raises:
        UnusableRowError: nothing says it, or they contradict each other.
    """
    said = list(dict.fromkeys(found))
    if not said:
        raise UnusableRowError(f"{what} says nothing about which answer is best")
    if len({one.choice for one in said}) > 1:
        choices = ", ".join(sorted({one.choice for one in said}))
        raise UnusableRowError(f"{what} says {choices} at once")
    worst = next((one.worst for one in said if one.worst), None)
    return replace(said[0], worst=worst)


def label_said(
    said: Said, values: Mapping[str, Any], ours: object, read: ReadItem, file: FileName
) -> HumanLabel:
    """Return the label that a foreign format holds; `values` are what it knows besides.

    `ours` is what we wrote beside a label that we exported. It knows more, and holds as long as the
    label says what it said then; if somebody has changed it since, it is the other tool's label.
    """
    block = unpacked(ours)
    exported = label_in_row(block, read.item, file) if block else None
    who = values.get("annotator") or (exported and exported.annotator)
    words = {name: getattr(said, name) for name in ("choice", "worst", "strength", "note")}
    label = label_in_row({**values, **words, "annotator": who}, read.item, file)
    if exported and _words(exported) == _words(label):
        return exported
    if not values.get("annotator"):
        raise UnusableRowError("no value for annotator")
    return label


def ours_in(value: object) -> object:
    """Return what stands under `KEY` of a value that may be an object."""
    return value.get(KEY) if isinstance(value, dict) else None


def _words(label: HumanLabel) -> tuple[str | None, ...]:
    return label.choice, label.worst, label.strength, label.note


def _plain(text: str) -> str:
    return _SEPARATORS.sub("", text).casefold()
