"""Rows of a Parquet file."""

from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from storage.input_error import InputError
from tasks.ingest.record import Record
from tasks.ingest.source_file import SourceFile

MAX_GROUP_BYTES = 2_000_000_000
MAX_RATIO = 200
MIN_BOMB_BYTES = 256_000_000
_MAX_BATCH_ROWS = 256
_BATCH_BYTES = 16_000_000
_BUFFER_BYTES = 1 << 16


def parquet_records(file: SourceFile) -> Iterator[Record]:
    """Yield the rows of a file; lines count rows, nested columns are lists and dicts.

    Raises:
        InputError: its footer cannot be read or announces more than a sound file holds, or its data
            is broken.
    """
    path = file.path
    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as parquet:
            metadata = parquet.metadata
            _check_size(metadata, file)
            done = 0
            # Without buffers for whole row groups and threads, memory stays that of a few pages.
            for batch in parquet.iter_batches(_batch_rows(metadata), use_threads=False):
                for number, (values, fault) in enumerate(_rows(batch), start=done + 1):
                    raw = orjson.dumps(values, default=str, option=orjson.OPT_NON_STR_KEYS)
                    yield Record(file=path, line=number, raw=raw, values=values, fault=fault)
                done += batch.num_rows
                file.tell_share(done / metadata.num_rows)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last of column names
        raise InputError(
            f"{path} is a broken Parquet file ({' '.join(str(error).split())}); fetch or write it again"
        ) from error


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each row, or an empty one and why it cannot be read."""
    try:
        yield from ((values, "") for values in batch.to_pylist())
    except (ValueError, OverflowError) as error:
        if batch.num_rows == 1:
            is_text = isinstance(error, UnicodeDecodeError)
            yield {}, "invalid UTF-8" if is_text else "value out of range"
            return
        for index in range(batch.num_rows):
            yield from _rows(batch.slice(index, 1))


def _check_size(metadata: pq.FileMetaData, file: SourceFile) -> None:
    """Refuse files that unpack to far more than a sound file of their size would."""
    groups = [metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)]
    unpacked, largest = sum(groups), max(groups, default=0)
    if unpacked > MIN_BOMB_BYTES and unpacked > MAX_RATIO * file.num_bytes:
        raise InputError(
            f"{file.path} has {file.num_bytes:,} bytes, but would unpack to {unpacked:,} (more than "
            f"{MAX_RATIO} times as many); if it is sound, write it again without compression"
        )
    if largest > MAX_GROUP_BYTES:
        raise InputError(
            f"{file.path} has {file.num_bytes:,} bytes and a row group of {largest:,} unpacked bytes, "
            f"but read are up to {MAX_GROUP_BYTES:,}; write it again with smaller row groups"
        )


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """Return how many rows are held at a time, fewer where rows are long."""
    largest = max(
        (
            group.total_byte_size / max(group.num_rows, 1)
            for group in map(metadata.row_group, range(metadata.num_row_groups))
        ),
        default=0,
    )
    return max(1, min(_MAX_BATCH_ROWS, int(_BATCH_BYTES / max(largest, 1))))
