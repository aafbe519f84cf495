"""The rows of a source as they come, counted."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from tasks.ingest.params import IngestParams
from tasks.ingest.prefix import Prefix
from tasks.ingest.read_files import SourceFiles
from tasks.ingest.read_hub import hub_records, load_hub
from tasks.ingest.record import Record
from tasks.ingest.source_files import find_source_files
from tasks.progress import Progress

if TYPE_CHECKING:
    from datasets import Dataset

NUM_ROWS_BETWEEN_UPDATES = 500


class RecordStream:
    """Rows of files or of the hub; iterate once.

    `num_rows` counts the rows that were taken. `skipped` says that the file begins with `before`,
    which then is not read again; `prefix` is what an ingest after this one may skip, known when all
    rows were taken.
    """

    def __init__(self, params: IngestParams, progress: Progress, before: Prefix | None) -> None:
        self.num_rows = 0
        self.skipped = False
        self._limit = params.limit
        self._progress = progress
        self._hub: Dataset | None = None
        self._files: SourceFiles | None = None
        if params.hub_id:
            self._hub_id, self._hub = params.hub_id, load_hub(params)
        else:
            self._files = SourceFiles(find_source_files(params))
            self.skipped = before is not None and self._files.skip(before)

    @property
    def prefix(self) -> Prefix | None:
        """What was read, if it was all of a file to which rows can be appended."""
        return self._files.prefix if self._files else None

    def __iter__(self) -> Iterator[Record]:
        """Yield the rows, at most as many as the limit allows."""
        records = self._of_files() if self._hub is None else self._of_hub(self._hub)
        yield from islice(records, self._limit or None)

    def _of_files(self) -> Iterator[Record]:
        files, progress = self._files, self._progress
        if files is None:
            return
        with files:
            progress(files.bytes_read, files.num_bytes)
            for record in files:
                self.num_rows += 1
                yield record
                if self.num_rows % NUM_ROWS_BETWEEN_UPDATES == 0:
                    progress(files.bytes_read, files.num_bytes, f"{self.num_rows:,} rows")
            progress(files.num_bytes, files.num_bytes)

    def _of_hub(self, dataset: "Dataset") -> Iterator[Record]:
        num_rows = len(dataset)
        for record in hub_records(dataset, self._hub_id):
            self.num_rows += 1
            yield record
            if self.num_rows % NUM_ROWS_BETWEEN_UPDATES == 0:
                self._progress(self.num_rows, num_rows)
        self._progress(num_rows, num_rows)
