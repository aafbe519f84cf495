"""The sha256 and size of a file."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The sha256 of a file as hex digits and its size in bytes."""

    sha256: str
    bytes: int


def digest_file(path: Path) -> FileDigest:
    """Return the digest of the file at `path`.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return FileDigest(sha256, file.tell())
