"""Writes that survive a power cut: content first, then the name that leads to it."""

import os
from pathlib import Path
from uuid import uuid4


def fsync_path(path: Path) -> None:
    """Make a file's content, or a directory's entries, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_tree(directory: Path) -> None:
    """Make everything below `directory` durable, files before the directories that name them."""
    for parent, _, names in os.walk(directory, topdown=False):
        for name in names:
            fsync_path(Path(parent) / name)
        fsync_path(Path(parent))


def make_directory(directory: Path) -> None:
    """Create `directory` and its missing parents so that their names are durable too."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(exist_ok=True)
    fsync_path(directory.parent)


def replace_file(path: Path, data: bytes, *, scratch: Path) -> None:
    """Put `data` at `path`: a reader sees the old file or the new one, never a part.

    `scratch` is a directory of the same file system for the file before it has its name.
    """
    make_directory(path.parent)
    partial = scratch / f"{uuid4().hex}.partial"
    try:
        partial.write_bytes(data)
        fsync_path(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    fsync_path(path.parent)
