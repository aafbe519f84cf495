"""A label as a JSON object or a row of cells, and back."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.formats.file_row import FileName
from tasks.annotation.formats.sides import NO_SIDE, order_in, place_of, side_in
from tasks.annotation.formats.texts import text_in
from tasks.annotation.formats.unusable_row import UnusableRowError
from tasks.annotation.queue.check_label import MOST_NOTE_CHARACTERS
from tasks.annotation.queue.people import MOST_NAME_CHARACTERS

UNKNOWN_TIME = "1970-01-01T00:00:00+00:00"
"""The time of a label whose file does not say when it was given: before every other."""
STRENGTHS = ("slight", "clear")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def label_values(label: HumanLabel) -> dict[str, Any]:
    """Return a label as `label_in_row` reads it: answers by their place, from 1."""
    return {
        "annotator": label.annotator,
        "choice": place_of(label.choice),
        "worst": place_of(label.worst),
        "strength": label.strength,
        "seconds": label.seconds,
        "note": label.note,
        "shown_order": "".join(str(place_of(letter)) for letter in label.shown_order),
        "is_gold": label.is_gold,
        "is_adjudication": label.is_adjudication,
        "queue": label.queue,
        "labelled_at": label.labelled_at,
    }


LABEL_COLUMNS = (
    *("annotator", "choice", "worst", "strength", "seconds", "note", "shown_order"),
    *("is_gold", "is_adjudication", "queue", "labelled_at"),
)


def label_in_row(values: Mapping[str, Any], item: ComparisonItem, file: FileName) -> HumanLabel:
    """Return what a person said of a comparison; only who and what are required.

    Raises:
        UnusableRowError: a value does not fit.
    """
    if not isinstance(values, Mapping):
        raise UnusableRowError("a label is no JSON object")
    given = {name: value for name, value in values.items() if value not in (None, "")}
    choice = side_in(given.get("choice"), item.sides, "choice", NO_SIDE)
    return HumanLabel(
        comparison_id=item.item_id,
        prompt_id=item.prompt_id,
        completions=tuple(response.completion_id for response in item.responses),
        annotator=_name(given.get("annotator")),
        choice=choice,
        worst=_worst(given.get("worst"), choice, item.sides),
        strength=_strength(given.get("strength")),
        shown_order=order_in(given.get("shown_order", item.sides), item.sides),
        seconds=_seconds(given.get("seconds", 0.0)),
        note=_note(given.get("note", "")),
        is_gold=_flag(given.get("is_gold", item.gold is not None), "is_gold"),
        is_adjudication=_flag(given.get("is_adjudication", False), "is_adjudication"),
        queue=text_in(given.get("queue", file.stem), "queue"),
        labelled_at=time_in(given.get("labelled_at", UNKNOWN_TIME)),
    )


def time_in(value: object) -> str:
    """Return a time as ISO 8601 in UTC.

    Raises:
        UnusableRowError: it is none, or has no time zone.
    """
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise UnusableRowError("labelled_at is no time as ISO 8601 writes it") from error
    if time.tzinfo is None:
        raise UnusableRowError("labelled_at has no time zone; append Z if it is in UTC")
    if str(value).endswith("+00:00"):
        return str(value)
    try:
        return time.astimezone(UTC).isoformat(timespec="microseconds")
    except OverflowError as error:
        raise UnusableRowError("labelled_at is before the year 1 or after 9999 in UTC") from error


def _name(value: object) -> str:
    name = text_in(value, "annotator")
    is_fit = name.isprintable() and name == name.strip() and len(name) <= MOST_NAME_CHARACTERS
    if not is_fit:
        raise UnusableRowError(f"annotator is no name of up to {MOST_NAME_CHARACTERS} characters")
    return name


def _note(value: object) -> str:
    note = text_in(value, "note", may_be_empty=True)
    if len(note) > MOST_NOTE_CHARACTERS:
        raise UnusableRowError(f"note is longer than {MOST_NOTE_CHARACTERS:,} characters")
    return note


def _worst(value: object, choice: str, sides: str) -> str | None:
    """Return the worst side; of two it is the other one."""
    worst = None if value is None else side_in(value, sides, "worst")
    if choice in NO_SIDE or worst == choice:
        if worst is not None:
            raise UnusableRowError(f"worst is {worst} where the choice is {choice}")
        return None
    if len(sides) == 2:  # noqa: PLR2004  - the other one of two
        return sides.replace(choice, "")
    if worst is None:
        raise UnusableRowError("no worst; of three or more answers it is needed beside the best")
    return worst


def _strength(value: object) -> str | None:
    if value is not None and value not in STRENGTHS:
        raise UnusableRowError(f"strength is none of {', '.join(STRENGTHS)}")
    return None if value is None else str(value)


def _seconds(value: object) -> float:
    try:
        seconds = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        raise UnusableRowError("seconds is no number of 0 or more")
    return seconds


def _flag(value: object, column: str) -> bool:
    flag = _FLAGS.get(str(value).strip().lower())
    if flag is None:
        raise UnusableRowError(f"{column} is neither true nor false")
    return flag
