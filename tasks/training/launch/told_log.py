"""Log records of our own modules that one process writes to a file and another one logs."""

import json
import logging
from pathlib import Path

from typing_extensions import override

_FILE = "log.jsonl"
_OURS = "tasks"


class _Line(logging.Formatter):
    """A record as a line of JSON: logger, level, message."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return json.dumps([record.name, record.levelno, record.getMessage()])


def write_log(directory: Path) -> logging.Handler:
    """Have what our modules log written to a file; return the handler, to be closed at the end."""
    handler = logging.FileHandler(directory / _FILE, encoding="utf-8")
    handler.setFormatter(_Line())
    ours = logging.getLogger(_OURS)
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    return handler


def tell_log(directory: Path) -> None:
    """Log here what was written there; a line that was cut off by the end of its process is left out."""
    path = directory / _FILE
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    for line in text[: text.rfind("\n") + 1].splitlines():
        name, level, message = json.loads(line)
        logging.getLogger(name).log(level, "%s", message)
