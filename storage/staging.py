"""Staging: directories for what is not committed yet, removed when their writer is gone."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.file_lock import is_locked, locked

_NAME = re.compile(r"[0-9a-f]{32}\Z")
_LEFTOVER = re.compile(r"[0-9a-f]{32}\.(lock|partial)\Z")
_LEFTOVER_SECONDS = 3600.0


class Staging:
    """A directory with one directory per living writer, each beside its lock file.

    Nobody reads here. A lock file is held from before its directory exists until after it is
    gone, so a directory without a held lock belongs to a writer that was killed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @contextmanager
    def open(self, name: str) -> Iterator[Path]:
        """Give a new empty directory called `name` (32 hex digits) and remove it afterwards."""
        lock = self._lock(name)
        with locked(lock):
            staged = self.directory / name
            try:
                staged.mkdir()
                yield staged
            finally:
                shutil.rmtree(staged, ignore_errors=True)
                lock.unlink(missing_ok=True)

    def is_alive(self, name: str) -> bool:
        """Tell whether the writer of `name` still runs."""
        return is_locked(self._lock(name))

    def sweep(self) -> None:
        """Remove what killed writers left; names that are not the store's own are not touched."""
        for path in self.directory.iterdir():
            if _NAME.match(path.name) and not self.is_alive(path.name):
                shutil.rmtree(path, ignore_errors=True)
                self._lock(path.name).unlink(missing_ok=True)
            elif _LEFTOVER.match(path.name) and not path.with_suffix("").exists() and _is_old(path):
                path.unlink(missing_ok=True)

    def _lock(self, name: str) -> Path:
        return self.directory / f"{name}.lock"


def _is_old(path: Path) -> bool:
    """Tell whether nobody can be about to use the file: the steps around it take milliseconds."""
    try:
        return time.time() - path.stat().st_mtime > _LEFTOVER_SECONDS
    except FileNotFoundError:
        return False
