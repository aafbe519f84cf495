"""Checkpoints on disk: which are whole, whose they are, and which can go."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from storage.durable import fsync_tree, replace_file
from storage.file_lock import is_locked, locked

_LOG = logging.getLogger(__name__)
_MARKER = "prefline-checkpoint.json"
_PREFIX = "checkpoint-"  # transformers' name, followed by the step


def lock_path(checkpoints: Path) -> Path:
    """Return the lock file of a run's checkpoints; it lies beside them and outlives them."""
    return checkpoints.with_name(f"{checkpoints.name}.lock")


def checkpoint_path(checkpoints: Path, step: int) -> Path:
    """Return where transformers writes the checkpoint of this step."""
    return checkpoints / f"{_PREFIX}{step}"


def mark_whole(checkpoint: Path, identity: dict[str, Any]) -> None:
    """Say that all of a checkpoint is there; what it holds is durable before that."""
    fsync_tree(checkpoint)
    marker = json.dumps({"identity": identity, "files": _sizes(checkpoint)})
    replace_file(checkpoint / _MARKER, marker.encode(), scratch=checkpoint)


def newest_whole(checkpoints: Path, identity: dict[str, Any]) -> Path | None:
    """Return the checkpoint of the latest step that is whole and belongs to this run.

    Why another is passed over is logged.
    """
    for checkpoint in reversed(_all(checkpoints)):
        fault = _fault(checkpoint, identity)
        if not fault:
            return checkpoint
        _LOG.warning("checkpoint %s is not gone on from: %s", checkpoint, fault)
    return None


def keep_only(checkpoint: Path) -> None:
    """Remove the other checkpoints beside this one."""
    for other in _all(checkpoint.parent):
        if other != checkpoint:
            discard(other)


def discard(checkpoint: Path) -> None:
    """Remove a checkpoint, if it is there, so that no part of it passes for whole."""
    (checkpoint / _MARKER).unlink(missing_ok=True)
    if checkpoint.is_dir():
        shutil.rmtree(checkpoint)


def remove_unfinished(checkpoints: Path) -> None:
    """Remove what a run kept to go on from, for when its result is safe in the store.

    Another process that has begun the same work meanwhile keeps its files.
    """
    lock = lock_path(checkpoints)
    if not checkpoints.is_dir() or is_locked(lock):
        return
    with locked(lock):
        shutil.rmtree(checkpoints)


def _all(checkpoints: Path) -> list[Path]:
    """Return all checkpoints, whole or not, those of earlier steps first."""
    found = {
        int(path.name.removeprefix(_PREFIX)): path
        for path in checkpoints.glob(f"{_PREFIX}*")
        if path.name.removeprefix(_PREFIX).isdecimal()
    }
    return [found[step] for step in sorted(found)]


def _fault(checkpoint: Path, identity: dict[str, Any]) -> str:
    """Return why a run cannot go on from a checkpoint, empty if it can."""
    try:
        marker = json.loads((checkpoint / _MARKER).read_bytes())
    except FileNotFoundError:
        return "it was not written to its end"
    except ValueError:
        marker = None
    if not isinstance(marker, dict) or marker.keys() != {"identity", "files"}:
        return f"its {_MARKER} is damaged"
    if marker["files"] != _sizes(checkpoint):
        return "files of it are missing, or not as long as they were"
    theirs = marker["identity"]
    differing = [
        f"{name} is {value} and not {theirs.get(name)}"
        for name, value in identity.items()
        if theirs.get(name) != value
    ]
    return f"it is another run's: {'; '.join(differing)}" if differing else ""


def _sizes(checkpoint: Path) -> dict[str, int]:
    """Return the bytes of each file by its path, without the marker."""
    return {
        path.relative_to(checkpoint).as_posix(): path.stat().st_size
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != _MARKER
    }
