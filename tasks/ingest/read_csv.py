"""Rows of a CSV file."""

import csv
from collections.abc import Iterator

from storage.input_error import InputError
from tasks.ingest.csv_lines import CsvLines
from tasks.ingest.read_json import LONG_LINE
from tasks.ingest.record import Record
from tasks.ingest.source_file import SourceFile

MAX_FIELD_CHARACTERS = 1 << 20
_QUOTED = '"'


def csv_records(file: SourceFile) -> Iterator[Record]:
    """Yield the rows under the header; a row that cannot be read has a fault.

    Fields are separated by commas, or by semicolons or tabs where these are the only separator in
    the header. A quote that is not closed, or is followed by anything but the end of its field,
    costs the line in which its row begins; reading goes on at the next line. Blank lines are no rows.

    Raises:
        InputError: the header cannot be used.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)  # of the whole process: the default cuts long texts
    lines = CsvLines(file.lines())
    if file.after:
        columns, delimiter = file.after.columns, file.after.delimiter
        rows = _rows(lines, delimiter)
    else:
        delimiter = delimiter_of(file.head().lstrip().partition(b"\n")[0].decode(errors="replace"))
        rows = _rows(lines, delimiter)
        columns = _columns(rows, file.path)
    num_columns = len(columns)
    for row, fault in rows:
        if not fault and len(row) != num_columns:
            fault = "wrong number of columns"  # noqa: PLW2901
        yield _record(file.path, lines, columns, row, fault)
    if columns and not lines.ends_open:  # or appended lines could close the quote
        file.prefix = file.prefix_so_far(columns, delimiter)


def _rows(lines: CsvLines, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Yield rows that are not blank, each with the reason why it cannot be read or with none."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.start_row()
        try:
            row = next(reader, None)
        except csv.Error as error:
            fault = _fault(str(error), lines)
            lines.give_back()
            yield [], fault
            continue
        if row is None:
            return
        if row:
            yield row, ""


def _record(
    path: str, lines: CsvLines, columns: tuple[str, ...], row: list[str], fault: str
) -> Record:
    first, *others = lines.taken
    raw = b"".join((first.content, *(line.content for line in others))) if others else first.content
    if b"\0" in raw:
        fault = fault or "NUL byte"
    return Record(
        file=path,
        line=first.number,
        byte_offset=first.offset,
        raw=raw.rstrip(b"\r\n"),
        raw_sha256=first.sha256,
        values={} if fault else dict(zip(columns, row, strict=True)),
        fault=fault,
    )


def _columns(rows: Iterator[tuple[list[str], str]], path: str) -> tuple[str, ...]:
    """Return the names in the first row, none if there is no row."""
    row, fault = next(rows, ([], ""))
    columns = tuple(name.strip() for name in row)
    if any("\0" in name for name in columns):
        readable = ", ".join(columns).replace("\0", "").encode(errors="replace").decode()
        fault = f"NUL bytes as in UTF-16 beside {readable!r}: save it as UTF-8"
    elif not _is_unicode(columns):
        fault = "invalid UTF-8: save it as UTF-8"
    elif len(set(columns)) != len(columns):
        fault = f"names a column twice: {' '.join(', '.join(columns).split())}"
    if fault:
        raise InputError(
            f"the header of {path} cannot be used ({fault}); its first line names the columns"
        )
    return columns


def _is_unicode(columns: tuple[str, ...]) -> bool:
    try:
        "".join(columns).encode()
    except UnicodeEncodeError:
        return False
    return True


def delimiter_of(header: str) -> str:
    """Return what separates the names in a header: a comma, unless there is only ; or only tabs."""
    outside = "".join(header.split(_QUOTED)[::2])
    found = [mark for mark in ",;\t" if mark in outside]
    return found[0] if len(found) == 1 else ","


def _fault(said: str, lines: CsvLines) -> str:
    if lines.taken[0].sha256:
        return LONG_LINE
    if "field larger" in said:
        return "field over 1 MB"
    return "carriage return inside a row" if "new-line character" in said else "broken quotes"
