"""How files call the answers of a comparison: by their place, from 1."""

from collections.abc import Collection

from tasks.annotation.comparison_item import BOTH_BAD, SIDES, SKIP, TIE
from tasks.annotation.formats.unusable_row import UnusableRowError

NO_SIDE = (TIE, BOTH_BAD, SKIP)


def place_of(letter: str | None) -> int | str | None:
    """Return the place of a side, from 1; tie and the like stay as they are."""
    return SIDES.index(letter) + 1 if letter and letter in tuple(SIDES) else letter


def side_in(value: object, sides: str, column: str, others: Collection[str] = ()) -> str:
    """Return the letter of a side that a file names by its place or its letter, or one of `others`.

    Raises:
        UnusableRowError: the comparison has no such side.
    """
    said = (
        str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    )
    if said in others or (len(said) == 1 and said in sides):
        return said
    if said.isascii() and said.isdigit() and 1 <= int(said) <= len(sides):
        return SIDES[int(said) - 1]
    allowed = ", ".join((f"1 to {len(sides)}", *others))
    raise UnusableRowError(f"{column} is none of {allowed}")


def order_in(value: object, sides: str) -> str:
    """Return the letters of all sides in the order in which a file names them, as `21` or `ba`.

    Raises:
        UnusableRowError: it does not name each side once.
    """
    said = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    letters = "".join(
        SIDES[int(mark) - 1] if mark in "123456789" else mark for mark in said.strip()
    )
    if sorted(letters) != sorted(sides):
        raise UnusableRowError("shown_order does not name each answer once")
    return letters
