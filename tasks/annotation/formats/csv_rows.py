"""Rows of a CSV file under its header."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tasks.annotation.formats.accepted_formats import unreadable
from tasks.annotation.formats.file_content import Content
from tasks.annotation.formats.file_row import FileRow

MAX_FIELD_CHARACTERS = 1 << 26


class _Line(NamedTuple):
    number: int
    offset: int
    content: bytes


class CsvTable(NamedTuple):
    """The names of the columns, and the rows below them."""

    columns: tuple[str, ...]
    rows: list[FileRow]


def csv_table(path: Path, content: Content) -> CsvTable:
    """Return the rows of a CSV file; values are texts, and a row that cannot be read has a fault.

    Fields are separated by commas, or by semicolons or tabs where these are the only separator in
    the header. Broken quotes cost the line in which their row begins; reading goes on after it.
    Bytes that are no UTF-8 are lone surrogates in the values. Blank lines are no rows.

    Raises:
        InputError: the header cannot be used.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)  # of the whole process: the default cuts long texts
    lines = list(_lines(content))
    read = _rows(lines, _delimiter(lines))
    header = next(read, None)
    columns = tuple(name.strip() for name in header.cells) if header else ()
    if header is None or header.fault or len(set(columns)) < len(columns):
        why = "a column twice" if header and not header.fault else "broken quotes"
        raise unreadable(path, f"it has no header that can be used: {why}")
    return CsvTable(columns, [_row(columns, row) for row in read])


class _Cells(NamedTuple):
    lines: list[_Line]
    cells: list[str]
    fault: str


def _rows(lines: list[_Line], delimiter: str) -> Iterator[_Cells]:
    """Yield rows that are not blank; after a broken one it begins again at the next line."""
    start = 0
    while start < len(lines):
        taken = 0

        def texts(first: int = start) -> Iterator[str]:
            nonlocal taken
            for place in range(first, len(lines)):
                taken += 1
                yield lines[place].content.decode(errors="surrogateescape")

        reader = csv.reader(texts(), delimiter=delimiter, strict=True)
        begin = 0
        try:
            for cells in reader:
                if cells:
                    yield _Cells(lines[start + begin : start + taken], cells, "")
                begin = taken
        except csv.Error as error:
            broken = start + begin
            fault = "field too long" if "field larger" in str(error) else "broken quotes"
            yield _Cells(lines[broken : broken + 1], [], fault)
            start = broken + 1
            continue
        return


def _row(columns: tuple[str, ...], row: _Cells) -> FileRow:
    fault = row.fault
    if not fault and len(row.cells) != len(columns):
        fault = f"{len(row.cells)} cells under {len(columns)} columns"
    return FileRow(
        line=row.lines[0].number,
        byte_offset=row.lines[0].offset,
        raw=b"".join(line.content for line in row.lines).rstrip(b"\r\n"),
        values={} if fault else dict(zip(columns, row.cells, strict=True)),
        fault=fault,
    )


def _delimiter(lines: list[_Line]) -> str:
    """Return what separates the names in the header: a comma, unless there is only ; or only tabs."""
    head = next(line.content for line in lines if not line.content.isspace())
    outside = "".join(head.decode(errors="replace").split('"')[::2])
    found = [mark for mark in ",;\t" if mark in outside]
    return found[0] if len(found) == 1 else ","


def _lines(content: Content) -> Iterator[_Line]:
    offset = content.offset
    for number, line in enumerate(content.text.splitlines(keepends=True), start=1):
        yield _Line(number, offset, line)
        offset += len(line)
