"""Rows of a local file, whatever its format."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from storage.input_error import InputError
from tasks.ingest.record import Record
from tasks.ingest.source_file import Line, SourceFile

FORMATS = (".jsonl", ".json", ".csv")


def format_of(path: str) -> str:
    """Return the format that a file name ends in, before .gz.

    Raises:
        InputError: it is none that can be read.
    """
    name = path.removesuffix(".gz")
    suffix = Path(name).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(
            f"{path} ends in {suffix or 'nothing'!r}, but read are {', '.join(FORMATS)} and each "
            "of them as .gz; convert or rename the file"
        )
    return suffix


def read_records(file: SourceFile) -> Iterator[Record]:
    """Yield the rows of a file; a row that cannot be read has a fault instead of values.

    Blank lines are no rows.

    Raises:
        InputError: the whole file cannot be read.
    """
    kind = format_of(file.path)
    if kind == ".csv":
        return _csv_records(file)
    return _json_lines(file) if kind == ".jsonl" else _json_array(file)


def _json_lines(file: SourceFile) -> Iterator[Record]:
    for line in file.lines():
        content = line.content.strip()
        if not content:
            continue
        values, fault = _parse(content)
        yield Record(
            file=file.path,
            line=line.number,
            byte_offset=line.offset,
            raw=content,
            values=values,
            fault=fault,
        )


def _parse(content: bytes) -> tuple[dict[str, Any], str]:
    """Return the object that a line holds, or an empty one and the reason."""
    try:
        values = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}, _json_fault(content)
    return (values, "") if isinstance(values, dict) else ({}, "not a JSON object")


def _json_fault(content: bytes) -> str:
    if b"\0" in content:
        return "NUL byte"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "invalid UTF-8"
    return "invalid JSON"


def _json_array(file: SourceFile) -> Iterator[Record]:
    """Yield the objects of a JSON array, which is read as a whole: it has no lines to stream."""
    content = b"".join(line.content for line in file.lines())
    try:
        items = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"{file.path} is not valid JSON ({_json_fault(content)}: {error}); correct it, or name "
            "it .jsonl if it holds one object a line"
        ) from error
    if not isinstance(items, list):
        raise InputError(
            f"{file.path} holds a JSON {type(items).__name__}, but a list of objects is expected"
        )
    for number, item in enumerate(items, start=1):
        is_object = isinstance(item, dict)
        yield Record(
            file=file.path,
            line=number,
            raw=orjson.dumps(item),
            values=item if is_object else {},
            fault="" if is_object else "not a JSON object",
        )


@dataclass(slots=True)
class _RowLines:
    """The lines that belong to the CSV row that is being read."""

    first: Line | None = None
    content: bytes = b""

    def decoded(self, lines: Iterable[Line]) -> Iterator[str]:
        """Yield lines as text; bytes that are not UTF-8 become lone surrogates."""
        for line in lines:
            self.first = self.first or line
            self.content += line.content
            yield line.content.decode(errors="surrogateescape")

    def start_next(self) -> None:
        """Forget the lines of the row that was read."""
        self.first, self.content = None, b""


def _csv_records(file: SourceFile) -> Iterator[Record]:
    seen = _RowLines()
    reader = csv.reader(seen.decoded(file.lines()), strict=True)
    header: list[str] | None = None
    while True:
        seen.start_next()
        row, fault = _next_row(reader)
        if row is None and not fault:
            return
        if seen.first is None or (row == [] and not fault):
            continue
        if header is None:
            header = _header(row, fault, file.path)
            continue
        if not fault and row is not None and len(row) != len(header):
            fault = "wrong number of columns"
        yield Record(
            file=file.path,
            line=seen.first.number,
            byte_offset=seen.first.offset,
            raw=seen.content,
            values={} if fault else dict(zip(header, row or [], strict=True)),
            fault=fault,
        )


def _next_row(reader: Iterator[list[str]]) -> tuple[list[str] | None, str]:
    """Return the next row, None after the last one, or the reason why a row cannot be read."""
    try:
        return next(reader, None), ""
    except csv.Error as error:
        too_long = "field larger" in str(error)
        return None, "field over 128 kB" if too_long else "broken quotes"


def _header(row: list[str] | None, fault: str, path: str) -> list[str]:
    if row is None or len(set(row)) != len(row):
        what = fault or f"names a column twice: {', '.join(row or [])}"
        raise InputError(
            f"the header of {path} cannot be used ({what}); its first line names the columns"
        )
    return [name.strip() for name in row]
