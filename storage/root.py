"""Root: where a store keeps its files, a directory or a bucket."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from storage.digest import FileDigest
from storage.staging import Staging


@dataclass(frozen=True, slots=True)
class Listed:
    """A file in a root; `etag` changes with its content, empty where the root has no such mark."""

    name: str
    etag: str


class Root(Protocol):
    """Files by name, relative to the root, with `/` between the steps.

    `location` is how a user calls the root. `index_path` and `staging` are on local disk.
    `is_shared` says that others write without this index knowing, so a miss is worth a look.
    """

    location: str
    index_path: Path
    staging: Staging
    is_shared: bool

    def publish(self, staged: Path, target: str, *, last: str, replace: bool = False) -> bool:
        """Put the files of the directory `staged` at `target`, all or none of them visible.

        `last` is the file whose presence makes the directory visible where a directory cannot be
        renamed. Return False, with nothing changed, if `target` was there; with `replace` the
        files there give way.
        """

    def fetch(self, name: str, sha256: str, *, verify: bool) -> Path:
        """Return a local file with the content of `name`, checked against `sha256` if asked.

        Raises:
            InputError: the file is missing or its content is not what the manifest says.
        """

    def digest(self, name: str) -> FileDigest | None:
        """Return the digest of the stored file, None if there is none."""

    def read(self, name: str) -> bytes | None:
        """Return a small file's content, None if there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Put a small file in place, whole, over an earlier one."""

    def delete(self, name: str) -> None:
        """Remove a small file; none is fine."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield the files below the directory `prefix`."""
