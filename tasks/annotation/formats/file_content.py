"""The content of a file of comparisons, unpacked."""

import gzip
import zlib
from pathlib import Path
from typing import NamedTuple

from storage.input_error import InputError
from tasks.annotation.formats.accepted_formats import unreadable

MAX_BYTES = 1_000_000_000
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FOREIGN = {
    b"PK\x03\x04": "it is a zip archive or a workbook",
    b"PAR1": "it is Parquet",
    b"\xff\xfe": "it is UTF-16, not UTF-8",
    b"\xfe\xff": "it is UTF-16, not UTF-8",
    b"\x28\xb5\x2f\xfd": "it is packed with zstd",
}


class Content(NamedTuple):
    """What a file holds, and how many bytes stand before it: those of a byte order mark."""

    text: bytes
    offset: int


def read_content(path: Path) -> Content:
    """Return the bytes of a file, unpacked where it is gzip, without a byte order mark.

    Raises:
        InputError: there is no such file, it cannot be read, or it is empty, too large or binary.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{str(path)!r} is a broken gzip file ({error}); pack it again") from error
    except (OSError, ValueError) as error:  # a path with a NUL byte is a ValueError
        said = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{str(path)!r} cannot be read: {said}; relative paths start at {str(Path.cwd())!r}"
        ) from error
    if len(content) > MAX_BYTES:
        raise InputError(
            f"{str(path)!r} has more than {MAX_BYTES:,} bytes, which would be held in memory; split it"
        )
    text = content.removeprefix(_BYTE_ORDER_MARK)
    for magic, kind in _FOREIGN.items():
        if text.startswith(magic):
            raise unreadable(path, kind)
    if not text.strip():
        raise unreadable(path, "it is empty")
    return Content(text, len(content) - len(text))
