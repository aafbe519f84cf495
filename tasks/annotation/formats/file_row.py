"""A row of a file as it was read, and the refusal of one that cannot be used."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from storage.tables.quarantine import Refusal

MAX_RAW_BYTES = 64_000
_MOST_REASON = 300
"""Characters of a reason, which may quote the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One row; `fault` says why it could not be read, and then `values` is empty.

    `line` counts from 1, and counts rows where the format has no lines (a JSON array).
    """

    line: int
    byte_offset: int | None
    raw: bytes
    values: Mapping[str, Any]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class FileName:
    """What rows are known by: the name of their file, and that name without its endings."""

    name: str
    stem: str


def file_name_of(path: Path) -> FileName:
    """Return how rows of a file are called: `answers` is the stem of `answers.jsonl.gz`."""
    unpacked = path.name.removesuffix(".gz")
    return FileName(path.name, Path(unpacked).stem)


def refused(row: FileRow, file: FileName, reason: str, part: object = None) -> Refusal:
    """Return the refusal of a row, or of a part of it that JSON can hold."""
    raw = row.raw if part is None else _as_json(part) or row.raw
    return Refusal(
        source=file.stem,
        file=file.name,
        line=row.line,
        byte_offset=row.byte_offset,
        reason=reason[:_MOST_REASON],
        raw=raw[:MAX_RAW_BYTES].decode(errors="replace"),
        raw_sha256=hashlib.sha256(raw).hexdigest(),
    )


def _as_json(part: object) -> bytes:
    """Return a part of a row as JSON, nothing if it is nested too deeply to be written."""
    try:
        return orjson.dumps(part, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return b""
