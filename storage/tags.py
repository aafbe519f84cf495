"""Tags: names that people give to artifacts, one small file each."""

import re

from storage.input_error import InputError
from storage.root import Root

LATEST = "latest"
_DIRECTORY = "tags"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


def is_tag_name(name: str) -> bool:
    """Tell whether `name` can be a tag."""
    return _NAME.match(name) is not None and name != LATEST


def write_tag(root: Root, name: str, identifier: str) -> None:
    """Make the tag `name` lead to an artifact, from another one if it led there.

    Raises:
        InputError: the name is not allowed.
    """
    if not is_tag_name(name):
        raise InputError(
            f"{name!r} cannot be a tag: a tag has up to 64 of a-z, 0-9, `.`, `_` and `-`, starts "
            f"with a letter or digit and is not {LATEST!r}."
        )
    root.write(f"{_DIRECTORY}/{name}", f"{identifier}\n".encode("ascii"))


def read_tags(root: Root) -> dict[str, str]:
    """Return all tags, sorted: name to artifact id."""
    names = sorted(item.name.rpartition("/")[2] for item in root.list(_DIRECTORY))
    found = {name: read_tag(root, name) for name in names if is_tag_name(name)}
    return {name: identifier for name, identifier in found.items() if identifier is not None}


def read_tag(root: Root, name: str) -> str | None:
    """Return the artifact id of a tag, None if there is no such tag."""
    content = root.read(f"{_DIRECTORY}/{name}") if is_tag_name(name) else None
    return None if content is None else content.decode("ascii", errors="replace").strip()
