"""Rows of a local file, whatever its format."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from storage.input_error import InputError
from tasks.ingest.read_csv import csv_records
from tasks.ingest.read_folder import is_review, review_records
from tasks.ingest.read_json import json_lines, json_records
from tasks.ingest.read_parquet import parquet_records
from tasks.ingest.read_sheet import sheet_records
from tasks.ingest.record import Record
from tasks.ingest.source_file import SourceFile

_READERS: Mapping[str, Callable[[SourceFile], Iterator[Record]]] = {
    ".jsonl": json_lines,
    ".json": json_records,
    ".csv": csv_records,
    ".parquet": parquet_records,
    ".xlsx": sheet_records,
}
FORMATS = tuple(_READERS)
_PACKABLE = (".jsonl", ".json", ".csv")


def format_of(path: str) -> str:
    """Return the format that a file name ends in, before .gz.

    Raises:
        InputError: it is none that can be read.
    """
    name = Path(path).name
    packed = name.lower().endswith(".gz")
    suffix = Path(name[:-3] if packed else name).suffix.lower()
    if suffix not in (_PACKABLE if packed else FORMATS):
        raise InputError(
            f"{path} ends in {suffix or 'nothing'!r}, but read are {', '.join(FORMATS)}, and "
            f"{', '.join(_PACKABLE)} also as .gz; convert or rename the file"
        )
    return suffix


def read_records(file: SourceFile) -> Iterator[Record]:
    """Yield the rows of a file; a row that cannot be read has a fault instead of values.

    Blank lines are no rows.

    Raises:
        InputError: the whole file cannot be read.
    """
    if is_review(file.path):
        return review_records(file)
    reader = _READERS[format_of(file.path)]
    if not file.num_bytes:
        raise InputError(f"{file.path} is empty (0 bytes); fetch it again, or name another file")
    return reader(file)
