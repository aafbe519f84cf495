"""A local file as a stream of lines, unpacked on the way."""

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, cast

from isal import igzip, isal_zlib

from storage.input_error import InputError
from tasks.ingest.hashed_content import HashedContent
from tasks.ingest.prefix import Prefix
from tasks.ingest.record import MAX_RAW_BYTES
from tasks.ingest.source_path import check_file, unreadable

MAX_LINE_BYTES = 16_000_000
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BUFFER_BYTES = 1 << 19
_BROKEN: tuple[type[Exception], ...] = (
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    cast("type[Exception]", isal_zlib.error),  # its stub says that it is an instance
)


class Line(NamedTuple):
    """One line with its end; `number` counts from 1, `offset` counts unpacked bytes.

    Of a line over MAX_LINE_BYTES `content` is only the start, and `sha256` is the hash of all of it
    without its end; `sha256` is empty for every other line.
    """

    number: int
    offset: int
    content: bytes
    sha256: str = ""


class SourceFile:
    """A file that is read once, from start to end, in memory that does not grow with it.

    Use it in a `with` statement. `after` is the prefix that was skipped, `prefix` what was read: it
    is there when all rows were read and the file can be appended to.

    Raises:
        InputError: there is no such file, it is a directory or may not be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.after: Prefix | None = None
        self.prefix: Prefix | None = None
        check_file(Path(path))
        try:
            self._file = Path(path).open("rb", buffering=0)  # noqa: SIM115  - closed in __exit__
        except OSError as error:
            raise unreadable(Path(path), error) from error
        self.num_bytes = os.fstat(self._file.fileno()).st_size
        self._bytes_done = 0
        self._num_lines = 0
        self._all_read = False
        self._start()

    @property
    def bytes_read(self) -> int:
        """How far into the (packed) file the reader is."""
        return max(self._bytes_done, 0 if self._file.closed else self._file.tell())

    def tell_share(self, share: float) -> None:
        """Say how much of the file was read, where a library reads it by its path."""
        self._bytes_done = int(share * self.num_bytes)

    def skip(self, prefix: Prefix) -> bool:
        """Return whether the file begins with what was read before; then it goes on after it.

        If it does not, it is at its start again. Call it before anything is read.
        """
        with self._broken_gzip_told():
            if self._content.skip(prefix.num_bytes) and self._content.sha256 == prefix.sha256:
                self._num_lines, self.after = prefix.num_lines, prefix
                return True
        self._file.seek(0)
        self._start()
        return False

    def head(self) -> bytes:
        """Return some of the bytes that come next, up to 1 MB, without taking them."""
        with self._broken_gzip_told():
            head = self._reader.peek(1)
        return head if self.after else head.removeprefix(_BYTE_ORDER_MARK)

    def read(self, max_bytes: int) -> bytes | None:
        """Return the whole unpacked content without its byte order mark, None if there is more.

        Raises:
            InputError: as `lines`.
        """
        with self._broken_gzip_told():
            content = self._reader.read(max_bytes + 1)
        return content.removeprefix(_BYTE_ORDER_MARK) if len(content) <= max_bytes else None

    def lines(self) -> Iterator[Line]:
        """Yield all lines; a byte order mark at the start is left out.

        Raises:
            InputError: the file is packed and broken, or ends in the middle.
        """
        readline = self._reader.readline
        number = self._num_lines
        offset = self.after.num_bytes if self.after else 0
        with self._broken_gzip_told():
            while content := readline(MAX_LINE_BYTES + 1):
                number += 1
                size = len(content)
                if size > MAX_LINE_BYTES and not content.endswith(b"\n"):
                    line, size = self._long_line(number, offset, content)
                    yield line
                elif number == 1 and content.startswith(_BYTE_ORDER_MARK):
                    mark = len(_BYTE_ORDER_MARK)
                    yield Line(number, mark, content[mark:])
                else:
                    yield Line(number, offset, content)
                offset += size
        self._num_lines, self._all_read = number, True

    def prefix_so_far(self, columns: tuple[str, ...] = (), delimiter: str = "") -> Prefix | None:
        """Return what was read, None unless that is all of the file and ends with a line."""
        content = self._content
        if not self._all_read or content.last_byte != b"\n":
            return None
        return Prefix(
            num_bytes=content.num_bytes,
            sha256=content.sha256,
            num_lines=self._num_lines,
            columns=columns,
            delimiter=delimiter,
        )

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        self._file.close()

    def _long_line(self, number: int, offset: int, start: bytes) -> tuple[Line, int]:
        """Return the start of a line and how long all of it is, of which no more is held."""
        sha256, size, rest = hashlib.sha256(start), len(start), start
        while rest and not rest.endswith(b"\n"):
            rest = self._reader.readline(_BUFFER_BYTES)
            if rest.endswith(b"\r"):  # perhaps the first half of the line's end
                rest += self._reader.readline(1)
            sha256.update(rest.rstrip(b"\r\n"))
            size += len(rest)
        return Line(number, offset, start[:MAX_RAW_BYTES], sha256.hexdigest()), size

    def _start(self) -> None:
        self._content = HashedContent(self._unpacked())
        self._reader = io.BufferedReader(self._content, _BUFFER_BYTES)

    def _unpacked(self) -> io.RawIOBase | io.BufferedIOBase:
        magic = self._file.read(len(_GZIP_MAGIC))
        self._file.seek(0)
        if magic == _GZIP_MAGIC:
            return igzip.IGzipFile(fileobj=self._file, mode="rb")  # type: ignore[no-untyped-call]
        if self.path.endswith(".gz") and self.num_bytes:
            self._file.close()
            raise InputError(
                f"{self.path} is named .gz but is no gzip file (it starts with {magic!r}); "
                "rename it, or pack it"
            )
        return self._file

    @contextmanager
    def _broken_gzip_told(self) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise InputError(
                f"{self.path} is a broken gzip file ({error}), after about "
                f"{self._content.num_bytes:,} unpacked bytes; fetch or pack it again"
            ) from error

    def __enter__(self) -> Self:
        """Return the open file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()


def sha256_of_file(path: str) -> str:
    """Return the sha256 of a file's bytes as they are stored.

    Raises:
        InputError: as `SourceFile`.
    """
    check_file(Path(path))
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(Path(path), error) from error
