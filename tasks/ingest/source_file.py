"""A local file as a stream of lines, unpacked on the way."""

import difflib
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from isal import igzip, isal_zlib

from storage.input_error import InputError

_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BUFFER_BYTES = 1 << 20
_BROKEN: tuple[type[Exception], ...] = (
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    cast("type[Exception]", isal_zlib.error),  # its stub says that it is an instance
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its end; `number` counts from 1, `offset` counts unpacked bytes."""

    number: int
    offset: int
    content: bytes


class SourceFile:
    """A file that is read once, from start to end, in memory that does not grow with it.

    Use it in a `with` statement.

    Raises:
        InputError: there is no such file, it is a directory, empty or may not be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        _check_file(Path(path))
        try:
            self._file = Path(path).open("rb")  # noqa: SIM115  - closed in __exit__
        except OSError as error:
            raise InputError(
                f"{path} cannot be read: {error.strerror}; check its permissions"
            ) from error
        self.num_bytes = os.fstat(self._file.fileno()).st_size

    @property
    def bytes_read(self) -> int:
        """How far into the (packed) file the reader is."""
        return self._file.tell()

    def lines(self) -> Iterator[Line]:
        """Yield all lines; a byte order mark at the start is left out.

        Raises:
            InputError: the file is packed and broken, or ends in the middle.
        """
        offset = 0
        try:
            for number, content in enumerate(self._unpacked(), start=1):
                start = len(_BYTE_ORDER_MARK) if number == 1 and _has_mark(content) else 0
                yield Line(number=number, offset=offset + start, content=content[start:])
                offset += len(content)
        except _BROKEN as error:
            raise InputError(
                f"{self.path} is a broken gzip file ({error}), after about {offset:,} unpacked bytes; "
                "fetch or pack it again"
            ) from error

    def _unpacked(self) -> io.BufferedReader:
        magic = self._file.peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)]
        if magic != _GZIP_MAGIC:
            if self.path.endswith(".gz"):
                raise InputError(
                    f"{self.path} is named .gz but is no gzip file (it starts with {magic!r}); "
                    "rename it, or pack it"
                )
            return self._file
        unpacked = igzip.IGzipFile(fileobj=self._file, mode="rb")  # type: ignore[no-untyped-call]
        return io.BufferedReader(unpacked, _BUFFER_BYTES)

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
        self._file.close()


def sha256_of_file(path: str) -> str:
    """Return the sha256 of a file's bytes as they are stored.

    Raises:
        InputError: as `SourceFile`.
    """
    _check_file(Path(path))
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_mark(content: bytes) -> bool:
    return content.startswith(_BYTE_ORDER_MARK)


def _check_file(path: Path) -> None:
    if path.is_dir():
        inside = sorted(child.name for child in path.iterdir() if child.is_file())[:5]
        raise InputError(
            f"{path} is a directory; name a file in it ({', '.join(inside) or 'there is none'})"
        )
    if not path.exists():
        raise InputError(f"there is no file {str(path)!r}; {_instead(path)}")
    if not path.stat().st_size:
        raise InputError(f"{path} is empty (0 bytes); fetch it again, or name another file")


def _instead(path: Path) -> str:
    """Return what exists in place of a missing file."""
    folder = path.parent
    if not folder.is_dir():
        return f"its directory {str(folder)!r} does not exist either; check the path"
    close = difflib.get_close_matches(path.name, [child.name for child in folder.iterdir()], n=1)
    hint = f"did you mean {str(folder / close[0])!r}" if close else "check the path"
    return f"{hint} (relative paths start at {str(Path.cwd())!r})"
