"""Checkpoints: directories of model weights, committed whole."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import orjson

from storage.digest import digest_file
from storage.input_error import InputError
from storage.root import Root

FILES = "checkpoint.json"
_POLICY = re.compile(r"[0-9a-f]{8,64}\Z")
_RELATIVE = re.compile(r"checkpoints/[0-9a-f]{8,64}\Z")


def put_checkpoint(root: Root, policy_id: str, directory: Path) -> str:
    """Copy `directory` to `checkpoints/<policy_id>` and return that relative path.

    A `checkpoint.json` with the sha256 of every file is added. If the policy has a checkpoint
    already it stays and the copy is dropped.

    Raises:
        InputError: the directory holds no file.
        ValueError: `policy_id` is no row id.
    """
    if not _POLICY.match(policy_id):
        raise ValueError(f"{policy_id!r} is not the id of a policy row")
    target = f"checkpoints/{policy_id}"
    if root.read(f"{target}/{FILES}") is not None:
        return target
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    if not files:
        raise InputError(f"the checkpoint directory {str(directory)!r} holds no files.")
    with root.staging.open(uuid4().hex) as staged:
        copy = staged / "checkpoint"
        shutil.copytree(directory, copy)
        names = [path.relative_to(directory).as_posix() for path in files]
        hashes = {name: digest_file(copy / name).sha256 for name in names if name != FILES}
        (copy / FILES).write_bytes(orjson.dumps(hashes, option=orjson.OPT_INDENT_2))
        root.publish(copy, target, last=FILES)
    return target


def fetch_checkpoint(root: Root, relative: str, *, verify: bool = False) -> Path:
    """Return the local directory of a checkpoint, downloaded if need be.

    Raises:
        InputError: there is no such checkpoint, or a file is missing or, if checked, damaged.
    """
    content = root.read(f"{relative}/{FILES}") if _RELATIVE.match(relative) else None
    if content is None:
        raise InputError(
            f"the store {root.location!r} has no checkpoint {relative!r}. A checkpoint is "
            "`checkpoints/<policy id>`; train the policy again, or give another one."
        )
    hashes: Mapping[str, str] = orjson.loads(content)
    paths = [
        root.fetch(f"{relative}/{name}", sha256, verify=verify) for name, sha256 in hashes.items()
    ]
    first = next(iter(hashes))
    return paths[0].parents[len(Path(first).parts) - 1]
