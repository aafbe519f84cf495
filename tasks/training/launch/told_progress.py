"""Progress that one process writes to a file and another one reads."""

import json
import time
from pathlib import Path

from tasks.progress import Progress

_FILE = "progress.jsonl"
_SECONDS_BETWEEN_LINES = 0.2


class WrittenProgress:
    """A Progress that writes lines, at most five a second, the first and the last always."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._written = float("-inf")

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Write how far the work is."""
        now = time.monotonic()
        if now - self._written < _SECONDS_BETWEEN_LINES and 0 < done < total:
            return
        self._written = now
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([done, total, note]) + "\n")


class ToldProgress:
    """Tells a Progress what was written since the last time."""

    def __init__(self, directory: Path, progress: Progress) -> None:
        self._path = directory / _FILE
        self._progress = progress
        self._read = 0

    def tell(self) -> None:
        """Pass on every whole line that is new."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as lines:
            lines.seek(self._read)
            written = lines.read()
        whole = written[: written.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            done, total, note = json.loads(line)
            self._progress(done, total, note)
