"""Rows of an Excel workbook."""

import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from storage.input_error import InputError
from tasks.ingest.record import Record
from tasks.ingest.source_file import SourceFile

MAX_UNPACKED_BYTES = 1_000_000_000
MAX_RATIO = 200
MIN_BOMB_BYTES = 64_000_000


def sheet_records(file: SourceFile) -> Iterator[Record]:
    """Yield the rows of the first sheet under its first row that is not blank, the header.

    Lines count rows as Excel shows them. Blank rows are no rows; an empty cell is None. The sheet is
    held in memory as a whole.

    Raises:
        InputError: it is no workbook, is broken, or unpacks to more than a sound one would.
    """
    _check_archive(file)
    rows = enumerate(_cells(file.path), start=1)
    columns = _columns(next((row for _, row in rows if any(_filled(row))), ()), file.path)
    file.tell_share(1)
    for number, row in rows:
        if any(_filled(row)):
            yield _record(file.path, number, columns, row)


def _check_archive(file: SourceFile) -> None:
    """Refuse archives that unpack to far more than a sound workbook of their size would."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise _broken(file.path, error) from error
    limit = min(MAX_UNPACKED_BYTES, max(MIN_BOMB_BYTES, MAX_RATIO * file.num_bytes))
    if unpacked > limit:
        raise InputError(
            f"{file.path} has {file.num_bytes:,} bytes, but would unpack to {unpacked:,}; read are up "
            f"to {limit:,}. Save the sheet as .csv"
        )


def _cells(path: str) -> Sequence[Sequence[Any]]:
    import pandas as pd
    from python_calamine import CalamineError

    try:
        frame = pd.read_excel(
            path,
            engine="calamine",
            header=None,
            dtype=object,
            keep_default_na=False,
            na_filter=False,
        )
    except (CalamineError, ValueError, OSError) as error:
        raise _broken(path, error) from error
    return frame.to_numpy(dtype=object).tolist()


def _broken(path: str, error: Exception) -> InputError:
    said = " ".join(str(error).split())
    return InputError(f"{path} is no readable .xlsx workbook ({said}); save it again, or as .csv")


def _filled(row: Sequence[Any]) -> Iterator[bool]:
    return (cell is not None and cell != "" for cell in row)


def _columns(row: Sequence[Any], path: str) -> list[str]:
    """Return the names of the columns; columns without a name on the right are no columns."""
    names = [str(cell).strip() for cell in row]
    while names and not names[-1]:
        names.pop()
    if len(set(names)) != len(names):
        raise InputError(
            f"the header of {path} cannot be used (names a column twice, or not at all: "
            f"{', '.join(map(repr, names))}); the first row of its first sheet names the columns"
        )
    return names


def _record(path: str, number: int, columns: Sequence[str], row: Sequence[Any]) -> Record:
    cells = [None if cell == "" else cell for cell in row]
    raw = orjson.dumps(cells, default=str)
    if any(_filled(row[len(columns) :])):
        return Record(file=path, line=number, raw=raw, values={}, fault="wrong number of columns")
    values = dict(zip(columns, cells, strict=False))
    return Record(file=path, line=number, raw=raw, values=values)
