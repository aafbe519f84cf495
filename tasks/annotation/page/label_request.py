"""What a page sends about a comparison, and the label that it means."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from tasks.annotation.comparison_item import BOTH_BAD, MOST_RESPONSES, SIDES, SKIP, TIE
from tasks.annotation.queue.assignment import GivenLabel
from tasks.params import Params

MOST_NOTE_CHARACTERS = 5_000
_FEW = 2
_ItemId = Annotated[str, Field(min_length=1, max_length=200)]
_Position = Annotated[int, Field(ge=1, le=MOST_RESPONSES)]
_Side = Literal["a", "b", "c", "d", "e", "f", "g", "h", "i"]


class WrongFieldError(Exception):
    """A field that fits its type, but not the comparison; the message names it."""


class _Request(Params):
    model_config = ConfigDict(strict=True)


class SessionRequest(_Request):
    """A token that somebody signs in with."""

    token: str = Field(min_length=1, max_length=500)


class LabelRequest(_Request):
    """A label in positions on the screen, the first is 1; null where nothing was said."""

    item_id: _ItemId
    choice: _Position | Literal["tie", "both_bad", "skip"]
    worst: _Position | None = None
    strength: Literal["slight", "clear"] | None = None
    note: str = Field(default="", max_length=MOST_NOTE_CHARACTERS)
    seconds: float = Field(ge=0, le=1e9)


class AdjudicationRequest(_Request):
    """A label that settles a conflict, in letters of the item."""

    item_id: _ItemId
    choice: _Side | Literal["tie", "both_bad"]
    worst: _Side | None = None
    note: str = Field(default="", max_length=MOST_NOTE_CHARACTERS)


class EmptyRequest(_Request):
    """An object without fields."""


def label_on_screen(said: LabelRequest, shown_order: str) -> GivenLabel:
    """Return the label in letters, of positions in `shown_order`.

    A strength says nothing without a better answer and is left out then.

    Raises:
        WrongFieldError: there is no answer at such a position, or the fields contradict each other.
    """
    _check_worst(said.choice, said.worst, len(shown_order))
    is_side = isinstance(said.choice, int)
    return GivenLabel(
        item_id=said.item_id,
        choice=_letter(said.choice, "choice", shown_order),
        worst=None if said.worst is None else _letter(said.worst, "worst", shown_order),
        strength=said.strength if is_side else None,
        note=said.note,
        seconds=said.seconds,
    )


def adjudication(said: AdjudicationRequest, sides: str) -> GivenLabel:
    """Return the label that settles what people said about an item with these `sides`.

    Raises:
        WrongFieldError: the item has no such side, or the fields contradict each other.
    """
    for field, letter in (("choice", said.choice), ("worst", said.worst)):
        if letter is not None and letter in SIDES and letter not in sides:
            raise WrongFieldError(f"{field} is {letter!r}; the item has {', '.join(sides)}.")
    _check_worst(said.choice, said.worst, len(sides))
    return GivenLabel(item_id=said.item_id, choice=said.choice, worst=said.worst, note=said.note)


def _letter(said: int | str, field: str, shown_order: str) -> str:
    if isinstance(said, str):
        return said
    if said > len(shown_order):
        raise WrongFieldError(f"{field} is {said}, and there are {len(shown_order)} answers.")
    return shown_order[said - 1]


def _check_worst(choice: int | str, worst: int | str | None, num_answers: int) -> None:
    names_best = choice not in (TIE, BOTH_BAD, SKIP)
    if worst is None:
        if names_best and num_answers > _FEW:
            raise WrongFieldError(
                "worst is missing: of three or more answers, name the worst, too."
            )
    elif not names_best:
        raise WrongFieldError(f"worst needs a best answer beside it, and the choice is {choice}.")
    elif worst == choice:
        raise WrongFieldError("worst is the answer that was chosen as the best; name another one.")
