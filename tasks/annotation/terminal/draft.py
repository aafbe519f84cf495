"""What a person has said of the comparison before them, as long as it is no label yet."""

from dataclasses import dataclass
from typing import Literal

from tasks.annotation.comparison_item import BOTH_BAD, SKIP, TIE
from tasks.annotation.queue.assignment import Assignment, GivenLabel

Strength = Literal["slight", "clear"]
_NO_SIDE = {"t": TIE, "b": BOTH_BAD, "s": SKIP}
_MOST_NOTE = 100
"""Characters of a note that are shown below the comparison."""
_NEXT: dict[Strength | None, Strength | None] = {None: "clear", "clear": "slight", "slight": None}


@dataclass(slots=True)
class Draft:
    """Strength, note and, of three or more answers, the best one; `message` is shown once."""

    assignment: Assignment
    best: str | None = None
    strength: Strength | None = None
    note: str = ""
    seconds_before: float = 0.0
    message: str = ""

    def said(self) -> str:
        """Return in words what was said so far, empty if nothing was."""
        order = self.assignment.shown_order
        parts = [f"best: answer {order.index(self.best) + 1}, now the worst"] if self.best else []
        if self.strength:
            parts.append("slightly better" if self.strength == "slight" else "clearly better")
        if self.note:
            shown = self.note if len(self.note) <= _MOST_NOTE else f"{self.note[:_MOST_NOTE]}…"
            parts.append(f"note: {shown}")
        return " · ".join(parts)

    def change(self, key: str) -> bool:
        """Return whether a key changes the draft: c and v the strength, back the best answer."""
        if key == "c":
            self.strength = _NEXT[self.strength]
        elif key == "v":
            self.strength = None if self.strength == "slight" else "slight"
        elif key == "back":
            self.best = None
        else:
            return False
        return True

    def answer(self, key: str, seconds: float) -> GivenLabel | None:
        """Return the label that a key completes, None if more is to be said."""
        if key in _NO_SIDE:
            return self._label(_NO_SIDE[key], None, seconds)
        letter = self._letter(key)
        if letter is None:
            self.message = f"there is no answer {key}"
            return None
        if len(self.assignment.shown_order) == 2:  # noqa: PLR2004  - a pair
            return self._label(letter, None, seconds)
        if self.best is None:
            self.best = letter
            return None
        if letter == self.best:
            self.message = (
                "the best answer cannot be the worst; press back to choose another best one"
            )
            return None
        return self._label(self.best, letter, seconds)

    def _letter(self, key: str) -> str | None:
        place = {"left": "1", "right": "2"}.get(key, key)
        order = self.assignment.shown_order
        return order[int(place) - 1] if place in "123456789"[: len(order)] else None

    def _label(self, choice: str, worst: str | None, seconds: float) -> GivenLabel:
        return GivenLabel(
            item_id=self.assignment.item.item_id,
            choice=choice,
            worst=worst,
            strength=None if choice in _NO_SIDE.values() else self.strength,
            note=self.note,
            seconds=self.seconds_before + seconds,
        )


def draft_of(assignment: Assignment) -> Draft:
    """Return what a person starts with: nothing, or what they said before an undo."""
    before = assignment.before
    draft = Draft(assignment)
    if before is not None:
        draft.strength, draft.note = before.strength, before.note
        draft.seconds_before = before.seconds
        draft.message = f"taken back: {_words(before, assignment.shown_order)}"
    return draft


def _words(label: GivenLabel, order: str) -> str:
    if label.choice not in tuple(order):
        return label.choice.replace("_", " ")
    best = f"answer {order.index(label.choice) + 1} is best"
    if label.worst and len(order) > 2:  # noqa: PLR2004  - of two, the other one
        return f"{best}, answer {order.index(label.worst) + 1} worst"
    return best
