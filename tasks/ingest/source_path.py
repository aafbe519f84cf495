"""Paths that a user names: whether they are there, and what there is instead."""

import difflib
import unicodedata
from pathlib import Path

from storage.input_error import InputError

_UNWRITABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, of bytes that are no UTF-8, and of line ends."""


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
        InputError: it is not, the message names what looks like it; or it may not be reached, or has
            a name that rows cannot cite as their origin.
    """
    if any(unicodedata.category(character) in _UNWRITABLE for character in str(path)):
        raise InputError(
            f"the path {str(path)!r} holds a control character, or bytes that are no UTF-8; rename it"
        )
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"there is no file {str(path)!r}; {_instead(path)}") from error
    except OSError as error:
        raise unreadable(path, error) from error


def check_folder(path: Path) -> None:
    """Check that a directory can be listed.

    Raises:
        InputError: it can not.
    """
    try:
        next(path.iterdir(), None)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> InputError:
    """Return what to tell of a file that the operating system does not let be read."""
    return InputError(
        f"{path} cannot be read: {error.strerror}; check the path and its permissions"
    )


def _instead(path: Path) -> str:
    """Return what exists in place of a missing file."""
    folder = path.parent
    if not folder.is_dir():
        return f"its directory {str(folder)!r} does not exist either; check the path"
    close = difflib.get_close_matches(path.name, [child.name for child in folder.iterdir()], n=1)
    hint = f"did you mean {str(folder / close[0])!r}" if close else "check the path"
    return f"{hint} (relative paths start at {str(Path.cwd())!r})"
