"""Parquet parts with reproducible bytes, written while rows arrive."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self

import pyarrow as pa

from storage.digest import digest_file
from storage.manifest import PartFile
from storage.tables.table import Row, Table

if TYPE_CHECKING:
    import pyarrow.parquet as pq

ROWS_PER_CHUNK = 4_096
ROWS_PER_GROUP = 65_536
TEXT_BYTES_PER_GROUP = 16_000_000
GROUPS_PER_PART = 16
_REPEATING = (
    *("source", "split", "label", "labeler", "labeler_kind", "policy", "policy_id", "baseline_id"),
    *("anchor_policy", "judge", "metric", "choice", "method", "finish_reason", "stop_reason"),
    *("file", "reason"),
)
"""Columns with few values, the only ones where a dictionary pays: in texts and ids it costs
space and time, in these DuckDB reads it 2.5 times faster."""


class PartWriter(Generic[Row]):
    """Writes one table as `part-00000.parquet`, `part-00001.parquet`, ... into `directory`.

    The bytes depend on the rows, their order and the footer only, not on how many rows came per
    call: rows are gathered to full row groups, combined to one chunk each and cast to the table's
    schema. A group is full when it has enough rows, or enough text, so that memory is bounded by
    three of them, whatever the number of rows. Groups are packed and written in a thread beside.
    """

    def __init__(self, table: Table[Row], directory: Path, footer: dict[bytes, bytes]) -> None:
        self.table = table
        self.rows = 0
        self._directory = directory
        self._schema = table.schema.with_metadata(footer)
        self._gathered: list[pa.Table] = []
        self._num_gathered = 0
        self._num_text_bytes = 0
        self._num_groups = 0
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._writing: Future[None] | None = None
        self._names: list[str] = []
        self._rows: list[int] = []
        self._part: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        """Return itself; the thread ends and the open part is closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let what is being written end, and close its part."""
        self._thread.shutdown(wait=True)
        self._end_part()

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Append rows; they are converted in small chunks and may come from a generator.

        Raises:
            pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: a value does not fit its column.
        """
        iterator = iter(rows)
        while chunk := list(islice(iterator, ROWS_PER_CHUNK)):
            self.add(self.table.to_arrow(chunk))

    def add(self, columns: pa.Table) -> None:
        """Append the rows of an Arrow table, whose columns may come in any order.

        Raises:
            ValueError: the columns are not those of the table, or a value does not fit.
        """
        names = self.table.schema.names
        if sorted(columns.column_names) != sorted(names):
            raise ValueError(
                f"table {self.table.name!r} has the columns {names}, not {columns.column_names}"
            )
        columns = columns.select(names).cast(self.table.schema)
        while columns.num_rows:
            taken = columns.slice(0, ROWS_PER_CHUNK - self._num_gathered % ROWS_PER_CHUNK)
            self._gathered.append(taken)
            self._num_gathered += taken.num_rows
            self._num_text_bytes += num_text_bytes(taken)
            columns = columns.slice(taken.num_rows)
            if self._is_full():
                self._write_group()

    def _is_full(self) -> bool:
        """Return whether to write; asked at whole chunks only, so that calls do not matter."""
        if self._num_gathered % ROWS_PER_CHUNK:
            return False
        enough_text = self._num_text_bytes >= TEXT_BYTES_PER_GROUP
        return enough_text or self._num_gathered == ROWS_PER_GROUP

    def finish(self) -> tuple[PartFile, ...]:
        """Write what is left and return the parts; an empty table has one part without rows."""
        if self._num_gathered or not self._names:
            self._write_group()
        self._wait()
        self._end_part()
        parts = []
        for name, rows in zip(self._names, self._rows, strict=True):
            digest = digest_file(self._directory / name)
            parts.append(PartFile(name, digest.sha256, digest.bytes, rows))
        return tuple(parts)

    def _write_group(self) -> None:
        """Hand what is gathered to the thread, after the group before it is written."""
        self._wait()
        self._writing = self._thread.submit(self._write, self._gathered)
        self._gathered, self._num_gathered, self._num_text_bytes = [], 0, 0

    def _wait(self) -> None:
        """Wait for the thread; raises what went wrong in it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, gathered: list[pa.Table]) -> None:
        group = pa.concat_tables([self.table.schema.empty_table(), *gathered])
        gathered.clear()
        group = group.combine_chunks().cast(self._schema)  # frees the chunks before the next step
        part = self._part or self._begin_part()
        part.write_table(group, row_group_size=ROWS_PER_GROUP)
        self.rows += group.num_rows
        self._rows[-1] += group.num_rows
        self._num_groups += 1
        if self._num_groups % GROUPS_PER_PART == 0:
            self._end_part()

    def _begin_part(self) -> "pq.ParquetWriter":
        import pyarrow.parquet as pq

        self._names.append(f"part-{len(self._names):05}.parquet")
        self._rows.append(0)
        self._part = pq.ParquetWriter(
            self._directory / self._names[-1],
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=self._dictionary_columns(),
            write_page_checksum=True,
        )
        return self._part

    def _end_part(self) -> None:
        if self._part is not None:
            part, self._part = self._part, None
            part.close()

    def _dictionary_columns(self) -> list[Any]:
        names = [name for name in self.table.schema.names if name in _REPEATING]
        return [name for name in names if name != self.table.id_column]


def num_text_bytes(columns: pa.Table) -> int:
    """Return the bytes of all strings in a table, in UTF-8."""
    return sum(_text_bytes(chunk) for column in columns.columns for chunk in column.chunks)


def _text_bytes(array: pa.Array) -> int:
    import pyarrow.compute as pc

    if pa.types.is_string(array.type):
        return pc.sum(pc.binary_length(array)).as_py() or 0
    if pa.types.is_list(array.type):
        return _text_bytes(array.flatten())
    if pa.types.is_struct(array.type):
        return sum(map(_text_bytes, array.flatten()))
    return 0
