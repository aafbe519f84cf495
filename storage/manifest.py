"""Artifact: one table written once by one stage run, as its manifest describes it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PartFile:
    """One Parquet file of an artifact."""

    name: str
    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """The fields of a manifest.

    A stage run writes one or more tables; `outputs` maps their names to the artifact ids of the
    whole run. The same bytes can come out of several runs of the same work: `run_id`,
    `flow_run_id`, `created_at` and `outputs` are those of the newest run, everything else is what
    the first one wrote down. `created_at` is UTC in ISO format with microseconds. `key` is that of
    the `Work`. `stats` are counts that the stage reports. `superseded` is not in the manifest: it
    says that a newer run of the same work, or a person, has put this artifact out of use.
    """

    artifact_id: str
    table: str
    schema_version: int
    key: str
    outputs: Mapping[str, str]
    parents: tuple[str, ...]
    stage: str
    stage_version: int
    params: Mapping[str, Any]
    inputs: Mapping[str, str]
    seed: int
    rows: int
    bytes: int
    files: tuple[PartFile, ...]
    code_version: str
    libraries: Mapping[str, str]
    flow_run_id: str
    run_id: str
    created_at: str
    stats: Mapping[str, Any] = field(default_factory=dict)
    superseded: bool = False

    def manifest(self) -> dict[str, Any]:
        """Return the fields as a mapping that JSON can hold."""
        return asdict(self)

    @property
    def path(self) -> str:
        """Directory of the artifact, relative to the store's root."""
        return artifact_path(self.table, self.artifact_id)


def artifact_id(table: str, version: int, key: str, part_sha256s: Sequence[str]) -> str:
    """Return the first 32 hex digits of the sha256 over an artifact's content.

    The work's `key` is content too: an artifact so has exactly one provenance,
    and the empty quarantines of two stages are two artifacts.
    """
    content = json.dumps([table, version, key, list(part_sha256s)], separators=(",", ":"))
    return hashlib.sha256(content.encode("ascii")).hexdigest()[:32]


def artifact_path(table: str, identifier: str) -> str:
    """Return the directory of an artifact, relative to the store's root."""
    return f"artifacts/{table}/{identifier[:2]}/{identifier}"
