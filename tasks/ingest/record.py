"""What passes from a file to a source: raw rows, and what becomes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.tables.demonstrations import Demonstration
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.quarantine import Refusal

MAX_RAW_BYTES = 64_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row as it stands in the source.

    `values` is what was read, `fault` why it could not be read; `raw` are the row's own bytes, or
    its text where the source has no bytes. `line` counts from 1, and counts rows where the format
    has no lines (a JSON array, the hub).
    """

    file: str
    line: int
    byte_offset: int | None = None
    raw: bytes | str
    values: Mapping[str, Any]
    fault: str = ""

    @property
    def origin(self) -> str:
        """Where a row came from, as `file:line`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one source row became; `num_rows` counts the source rows it was made from."""

    prompt: Prompt
    demonstrations: tuple[Demonstration, ...] = ()
    pairs: tuple[PreferencePair, ...] = ()
    num_rows: int = 1


def refuse(record: Record, source: str, reason: str) -> Refusal:
    """Return the refusal of a row; bytes that are not UTF-8 become replacement characters."""
    raw = record.raw.encode(errors="replace") if isinstance(record.raw, str) else record.raw
    return Refusal(
        source=source,
        file=record.file,
        line=record.line,
        byte_offset=record.byte_offset,
        reason=reason,
        raw=raw[:MAX_RAW_BYTES].decode(errors="replace"),
    )


def fault_of(record: Record, columns: Sequence[str]) -> str:
    """Return why `columns` of a row cannot be used as texts, empty if they can."""
    if record.fault:
        return record.fault
    for column in columns:
        value = record.values.get(column)
        if value is None:
            return f"no value in column {column}"
        if not isinstance(value, str):
            return f"column {column} is no text"
        if "\0" in value:
            return f"NUL character in column {column}"
        if not value.isascii() and not _is_unicode(value):
            return "invalid UTF-8"
    return ""


def _is_unicode(text: str) -> bool:
    """Return whether a text can be written: bytes that were no UTF-8 are lone surrogates here."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
