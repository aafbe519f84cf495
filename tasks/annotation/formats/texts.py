"""Texts in a row."""

from tasks.annotation.formats.unusable_row import UnusableRowError


def text_in(value: object, column: str, *, may_be_empty: bool = False) -> str:
    """Return a text that can be kept.

    Raises:
        UnusableRowError: it is none, is empty, or cannot be written down.
    """
    if value is None:
        raise UnusableRowError(f"no value for {column}")
    if not isinstance(value, str):
        raise UnusableRowError(f"{column} is no text")
    if "\0" in value:
        raise UnusableRowError(f"NUL character in {column}")
    if not may_be_empty and (not value or value.isspace()):
        raise UnusableRowError(f"empty text for {column}")
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError as error:
        raise UnusableRowError(f"invalid Unicode in {column}") from error
    return value
