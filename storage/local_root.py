"""A root that is a local directory."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from storage.digest import FileDigest, digest_file
from storage.durable import fsync_path, fsync_tree, make_directory, replace_file
from storage.input_error import InputError
from storage.root import Listed
from storage.staging import Staging

_OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST)


class LocalRoot:
    """Files in a directory; a directory is published by renaming it, which is atomic."""

    is_shared = False  # every process that writes here keeps the same index

    def __init__(self, directory: Path, *, create: bool = True) -> None:
        """Open the root at `directory`, making it if it is missing and `create` is set.

        Raises:
            InputError: it is a file, cannot be written or made, or is not to be made.
        """
        directory = directory.expanduser().absolute()
        self.location = str(directory)
        self.directory = directory
        self.index_path = directory / "index.sqlite"
        self.staging = Staging(directory / "tmp")
        if not create and not self.staging.directory.is_dir() and not directory.is_file():
            raise InputError(
                f"there is no store at {self.location!r}. Run a stage to make one, or give the "
                "directory of another."
            )
        try:
            make_directory(self.staging.directory)
        except OSError as error:
            raise InputError(
                f"the store's root {self.location!r} cannot be used: {error.strerror} "
                f"({error.filename!r}). Give a directory that exists or can be made."
            ) from error
        if not os.access(directory, os.W_OK | os.X_OK):
            raise InputError(
                f"the store's root {self.location!r} is not writable. Give another directory, or "
                "change its permissions."
            )

    def publish(self, staged: Path, target: str, *, last: str, replace: bool = False) -> bool:  # noqa: ARG002  - a rename needs no last file
        """See `Root.publish`."""
        final = self.directory / target
        fsync_tree(staged)
        make_directory(final.parent)
        won = _rename(staged, final) or (replace and self._swap(staged, final))
        fsync_path(final.parent)
        return won

    def fetch(self, name: str, sha256: str, *, verify: bool) -> Path:
        """See `Root.fetch`."""
        path = self.directory / name
        if not path.is_file():
            raise InputError(
                f"the file {str(path)!r} is missing. Restore it, or make the artifact again "
                "(`--rerun`)."
            )
        if verify and digest_file(path).sha256 != sha256:
            raise InputError(
                f"the file {str(path)!r} is damaged: its sha256 is not {sha256}, as its manifest "
                "says. Restore it from a copy, or make the artifact again (`--rerun`)."
            )
        return path

    def digest(self, name: str) -> FileDigest | None:
        """See `Root.digest`."""
        try:
            return digest_file(self.directory / name)
        except FileNotFoundError:
            return None

    def read(self, name: str) -> bytes | None:
        """See `Root.read`."""
        try:
            return (self.directory / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        """See `Root.write`."""
        replace_file(self.directory / name, data, scratch=self.staging.directory)

    def delete(self, name: str) -> None:
        """See `Root.delete`."""
        path = self.directory / name
        if path.exists():
            path.unlink(missing_ok=True)
            fsync_path(path.parent)

    def list(self, prefix: str) -> Iterator[Listed]:
        """See `Root.list`."""
        for parent, _, names in os.walk(self.directory / prefix):
            for name in names:
                path = Path(parent, name).relative_to(self.directory)
                yield Listed(path.as_posix(), etag="")

    def _swap(self, staged: Path, final: Path) -> bool:
        """Rename the directory at `final` away and `staged` to there; others may do the same."""
        with self.staging.open(uuid4().hex) as aside:
            with suppress(FileNotFoundError):  # somebody else is swapping it
                final.rename(aside / "old")
            won = _rename(staged, final)
            shutil.rmtree(aside / "old", ignore_errors=True)
            return won


def _rename(staged: Path, final: Path) -> bool:
    """Rename a directory to a free name; return False if the name is taken."""
    try:
        staged.rename(final)
    except OSError as error:
        if error.errno in _OCCUPIED:
            return False
        raise
    return True
