"""Paths that a user names: whether they are there, and what there is instead."""

import difflib
from pathlib import Path

from storage.input_error import InputError


def check_file(path: Path) -> None:
    """Check that a file is there.

    Raises:
        InputError: it is not, or is no file.
    """
    check_path(path)
    if not path.is_file():
        raise InputError(f"{path} is a directory or a device; name a file")


def check_path(path: Path) -> None:
    """Check that a file or directory is there.

    Raises:
        InputError: it is not; the message names what looks like it.
    """
    if not path.exists():
        raise InputError(f"there is no file {str(path)!r}; {_instead(path)}")


def _instead(path: Path) -> str:
    """Return what exists in place of a missing file."""
    folder = path.parent
    if not folder.is_dir():
        return f"its directory {str(folder)!r} does not exist either; check the path"
    close = difflib.get_close_matches(path.name, [child.name for child in folder.iterdir()], n=1)
    hint = f"did you mean {str(folder / close[0])!r}" if close else "check the path"
    return f"{hint} (relative paths start at {str(Path.cwd())!r})"
