"""What passes from a file to a source: raw rows, and what becomes of them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, Unpack

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from storage.tables.table import Message

MAX_RAW_BYTES = 64_000


class Record(NamedTuple):
    """One row as it stands in the source; there are many, and a tuple is made in a third the time.

    `values` is what was read, `fault` why it could not be read; `raw` are the row's own bytes, or
    its text where the source has no bytes. Of a row that is too long to be held `raw` is only the
    start, and `raw_sha256` then the hash of all of it. `line` counts from 1, and counts rows where
    the format has no lines (a JSON array, Parquet, a sheet, the hub).
    """

    file: str
    line: int
    raw: bytes | str
    values: Mapping[str, Any]
    byte_offset: int | None = None
    raw_sha256: str = ""
    fault: str = ""

    @property
    def origin(self) -> str:
        """Where the row stands, as `file:line`."""
        return f"{self.file}:{self.line}"


class Answers(TypedDict, total=False):
    """What a source may say of a prompt; see `Example`."""

    chosen: str
    rejected: str
    labeler: str
    margin: float | None
    agreement: float | None
    demonstrations: tuple[str, ...]
    labels: tuple[str | None, ...]
    negatives: tuple[str, ...]
    meta: str
    more_origins: tuple[str, ...]


def example_of(
    record: Record, source: str, messages: tuple[Message, ...], **answers: Unpack[Answers]
) -> Example:
    """Return what a row says, with the place where it stands."""
    return Example(
        source=source,
        messages=messages,
        file=record.file,
        line=record.line,
        byte_offset=record.byte_offset,
        **answers,
    )


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
        raw_sha256=record.raw_sha256 or hashlib.sha256(raw).hexdigest(),
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
