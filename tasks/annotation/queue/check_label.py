"""Whether what a person says fits the item that they say it of."""

import math
from dataclasses import replace

from tasks.annotation.comparison_item import BOTH_BAD, SKIP, TIE
from tasks.annotation.queue.assignment import GivenLabel
from tasks.annotation.queue.label_error import LabelError, UnknownItemError

MOST_NOTE_CHARACTERS = 5_000
_STRENGTHS = ("slight", "clear")


def completed(label: GivenLabel, sides: str) -> GivenLabel:
    """Return the label with the worst of two answers filled in, checked against its item.

    A strength says nothing without a better answer and is left out then.

    Raises:
        UnknownItemError: the item has no such side.
        LabelError: something else does not fit; the message says what.
    """
    _check_note(label.note)
    if not (math.isfinite(label.seconds) and label.seconds >= 0):
        raise LabelError(f"{label.seconds} seconds cannot be; give a number of 0 or more")
    if label.strength is not None and label.strength not in _STRENGTHS:
        raise LabelError(f"there is no strength {label.strength!r}; give slight, clear or none")
    if label.choice in {TIE, BOTH_BAD, SKIP}:
        if label.worst is not None:
            raise LabelError(f"{label.choice} names no worst answer; leave {label.worst!r} out")
        return replace(label, strength=None)
    _check_side(label.choice, sides)
    return replace(label, worst=_worst(label, sides))


def _worst(label: GivenLabel, sides: str) -> str:
    worst = label.worst
    if worst is None and len(sides) == 2:  # noqa: PLR2004  - of two, the other one
        return "b" if label.choice == "a" else "a"
    if worst is None:
        raise LabelError("of three or more answers the worst is needed as well; name it")
    _check_side(worst, sides)
    if worst == label.choice:
        raise LabelError(f"{worst!r} cannot be the best and the worst answer; name another worst")
    return worst


def _check_side(letter: str, sides: str) -> None:
    if letter not in tuple(sides):
        raise UnknownItemError(
            f"the item has no answer {letter[:20]!r}; there are {', '.join(sides)}, and as a choice "
            f"{TIE}, {BOTH_BAD} and {SKIP}"
        )


def _check_note(note: str) -> None:
    if len(note) > MOST_NOTE_CHARACTERS:
        raise LabelError(
            f"the note has {len(note)} characters; shorten it to {MOST_NOTE_CHARACTERS}"
        )
    try:
        note.encode()
    except UnicodeEncodeError as error:
        raise LabelError(f"the note cannot be stored ({error}); write it anew") from error
