"""A manifest as JSON: beside the parts of an artifact, and without its volatile half in each."""

import re
from dataclasses import fields
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from storage.manifest import Artifact, artifact_path
from storage.tables.table import Table
from storage.work import Work

MANIFEST = "manifest.json"
FOOTER_KEY = b"prefline"
_ADAPTER = TypeAdapter(Artifact)
_IN_MANIFEST = [field.name for field in fields(Artifact) if field.name != "superseded"]
_ID = re.compile(r"[0-9a-f]{32}\Z")
_TABLE = re.compile(r"[a-z][a-z0-9_]*\Z")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


class UnreadableManifestError(ValueError):
    """A manifest that is not what the store writes; the scan reports it and goes on."""


def manifest_path(table: str, identifier: str) -> str:
    """Return where an artifact's manifest is, relative to the store's root."""
    return f"{artifact_path(table, identifier)}/{MANIFEST}"


def encode_manifest(artifact: Artifact) -> bytes:
    """Return the manifest of `artifact` as JSON for people and programs."""
    content = {name: getattr(artifact, name) for name in _IN_MANIFEST}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def decode_manifest(data: bytes, **newer: Any) -> Artifact:
    """Return the artifact that the manifest `data` describes, with the fields `newer` replaced.

    Raises:
        UnreadableManifestError: it is no JSON, lacks a field, or holds a name that could lead out
            of the store's root.
    """
    try:
        artifact = _ADAPTER.validate_python({**orjson.loads(data), **newer})
    except (orjson.JSONDecodeError, TypeError) as error:
        raise UnreadableManifestError(f"it is not a JSON object: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise UnreadableManifestError(f"its field {where}: {first['msg']}") from error
    _check_names(artifact)
    return artifact


def footer(table: Table[Any], work: Work) -> dict[bytes, bytes]:
    """Return the copy of the manifest that goes into each Parquet footer.

    It holds what the work decides and nothing volatile (no time, no run id), because the bytes of
    two runs of the same work must be the same; the manifest has the rest.
    """
    content = {
        "table": table.name,
        "schema_version": table.version,
        "key": work.key,
        "stage": work.stage,
        "stage_version": work.stage_version,
        "params": dict(work.params),
        "parents": list(work.parents),
        "seed": work.seed,
        "inputs": dict(work.inputs),
    }
    return {FOOTER_KEY: orjson.dumps(content, option=orjson.OPT_SORT_KEYS)}


def _check_names(artifact: Artifact) -> None:
    """Refuse names that are not the store's own: they become paths."""
    ids = {artifact.artifact_id: _ID, artifact.table: _TABLE}
    ids |= dict.fromkeys(artifact.outputs, _TABLE) | dict.fromkeys(artifact.outputs.values(), _ID)
    ids |= {file.name: _PART for file in artifact.files}
    for name, pattern in ids.items():
        if not pattern.match(name):
            raise UnreadableManifestError(f"{name!r} is not a name that the store gives")
    if artifact.outputs.get(artifact.table) != artifact.artifact_id:
        raise UnreadableManifestError("its outputs do not name itself")
