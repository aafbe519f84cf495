"""Policies in the store: a row and the directory of its weights."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from storage.digest import digest_file
from storage.input_error import InputError
from storage.store import Store
from storage.tables.policies import POLICIES, Policy


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy and the local directory of its checkpoint."""

    policy: Policy
    checkpoint: Path


def read_policy(store: Store, artifact_id: str) -> StoredPolicy:
    """Return the policy of an artifact, its weights checked against their hashes.

    Raises:
        InputError: the artifact holds no policy, or a file of it is missing or damaged.
    """
    (policy,) = store.rows(POLICIES, store.get(artifact_id), verify=True)
    if policy.checkpoint.startswith("checkpoints/"):
        return StoredPolicy(policy, store.checkpoint(policy.checkpoint, verify=True))
    directory = Path(policy.checkpoint)
    if not directory.is_dir() or weights_sha256(directory) != policy.weights_sha256:
        fault = "was changed since" if directory.is_dir() else "is not on this machine"
        raise InputError(
            f"base model {policy.base_model!r} at {policy.checkpoint} {fault}; put it back, or "
            "start again from train-sft with the model that is here now"
        )
    return StoredPolicy(policy, directory)


def weights_sha256(directory: Path) -> str:
    """Return one sha256 for the names and contents of all files of a checkpoint directory."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    digests = [[path.relative_to(directory).as_posix(), digest_file(path).sha256] for path in files]
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()
