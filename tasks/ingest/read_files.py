"""Rows of all files of a source."""

import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from tasks.ingest.prefix import Prefix
from tasks.ingest.read_records import read_records
from tasks.ingest.record import Record
from tasks.ingest.source_file import SourceFile


class SourceFiles:
    """The rows of files, one file after the other; use it in a `with` statement and iterate once.

    `num_bytes` is the size of all files, `bytes_read` how much of it was read. `prefix` is what was
    read, so that a later run can `skip` it: it is there after the last row if there is one file, and
    that one can be appended to.

    Raises:
        InputError: a file is not there, cannot be opened or cannot be read.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)
        self.num_bytes = sum(map(os.path.getsize, self._paths))
        self.prefix: Prefix | None = None
        self._bytes_done = 0
        self._file: SourceFile | None = None

    @property
    def bytes_read(self) -> int:
        """How much of all files was read, in bytes as they are stored."""
        return self._bytes_done + (self._file.bytes_read if self._file else 0)

    def skip(self, prefix: Prefix) -> bool:
        """Return whether the source still begins with what was read before.

        If so, the iteration goes on after it; if not, it yields all rows. Call it before iterating.
        """
        if len(self._paths) != 1:
            return False
        self._file = SourceFile(self._paths[0])
        return self._file.skip(prefix)

    def __iter__(self) -> Iterator[Record]:
        """Yield the rows of all files."""
        for path in self._paths:
            self._file = self._file or SourceFile(path)
            with self._file as file:
                yield from read_records(file)
            self._bytes_done += file.num_bytes
            self._file = None
            self.prefix = file.prefix if len(self._paths) == 1 else None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file that is open."""
        if self._file:
            self._file.close()
