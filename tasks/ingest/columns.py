"""Which columns a source must have."""

import difflib
from collections.abc import Collection, Iterable, Sequence

from storage.input_error import InputError

Columns = tuple[str, ...]
MAX_LISTED = 12


def match_columns(found: Collection[str], shapes: Sequence[Columns], where: str) -> Columns:
    """Return the first shape whose columns are all there.

    Raises:
        InputError: there is none; the message lists both sides and what looks like a misspelling.
    """
    for shape in shapes:
        if set(shape) <= set(found):
            return shape
    nearest = min(shapes, key=lambda shape: len(set(shape) - set(found)))
    missing = [column for column in nearest if column not in found]
    expected = " or ".join(", ".join(shape) for shape in shapes)
    raise InputError(
        f"{where} has the columns {_listed(found)}, but expected are {expected}; missing: {', '.join(missing)}{_close(missing, found)}. Rename the columns, "
        "or choose the source that the file belongs to"
    )


def _listed(found: Collection[str]) -> str:
    shown = ", ".join(map(repr, list(found)[:MAX_LISTED]))
    more = len(found) - MAX_LISTED
    return f"{shown} and {more} more" if more > 0 else shown or "none"


def _close(missing: Iterable[str], found: Collection[str]) -> str:
    hints = [
        f"{close[0]!r} looks like {column!r}"
        for column in missing
        if (close := _near(column, found))
    ]
    return f" ({', '.join(hints)})" if hints else ""


def _near(column: str, found: Collection[str]) -> list[str]:
    folded = {name.strip().casefold(): name for name in found}
    close = difflib.get_close_matches(column.casefold(), folded, n=1, cutoff=0.75)
    return [folded[name] for name in close]
