"""Manifests in and out of the index's tables."""

import json
import sqlite3

import orjson

from storage.manifest import Artifact
from storage.manifest_json import decode_manifest
from storage.manifest_scan import Scan, Scanned
from storage.run_states import StageRun, run_states

SELECT_ARTIFACT = (
    "SELECT m.manifest, r.run_id, r.created_at, r.flow_run_id, r.outputs, v.superseded "
    "FROM visible v JOIN manifests m USING (artifact_id) JOIN runs r ON r.run_id = v.run_id"
)


def to_artifact(row: tuple[bytes, str, str, str, str, int]) -> Artifact:
    """Return the artifact of a row of `SELECT_ARTIFACT`, described by its newest run.

    Raises:
        UnreadableManifestError: the row was damaged.
    """
    manifest, run_id, created_at, flow_run_id, outputs, superseded = row
    return decode_manifest(
        manifest,
        run_id=run_id,
        created_at=created_at,
        flow_run_id=flow_run_id,
        outputs=orjson.loads(outputs),
        superseded=bool(superseded),
    )


def put_manifest(connection: sqlite3.Connection, scanned: Scanned) -> None:
    """Insert a manifest, or replace an older one of the same artifact."""
    artifact = scanned.artifact
    connection.execute(
        "INSERT OR REPLACE INTO manifests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            artifact.artifact_id,
            artifact.table,
            artifact.key,
            artifact.run_id,
            artifact.created_at,
            artifact.flow_run_id,
            json.dumps(dict(artifact.outputs)),
            scanned.manifest,
            scanned.etag,
        ],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO parents VALUES (?, ?)",
        [(artifact.artifact_id, parent) for parent in artifact.parents],
    )


def apply_scan(connection: sqlite3.Connection, scan: Scan) -> None:
    """Bring the tables to what `scan` found in the root."""
    query = "SELECT artifact_id FROM retracted"
    before = {row[0] for row in connection.execute(query)}
    keys = {scanned.artifact.key for scanned in scan.found}
    keys |= _keys(connection, [*scan.gone, *(before ^ scan.retracted.keys())])
    for identifier in scan.gone:
        for table in ("manifests", "parents"):
            connection.execute(f"DELETE FROM {table} WHERE artifact_id = ?", [identifier])  # noqa: S608  - the names stand above
    for scanned in scan.found:
        put_manifest(connection, scanned)
    _replace(connection, "retracted", dict(scan.retracted))
    _replace(connection, "unreadable", dict(scan.unreadable))
    for key in keys:
        refresh(connection, key)


def refresh(connection: sqlite3.Connection, key: str) -> None:
    """Work out anew what is visible and current among the artifacts of `key`."""
    rows = connection.execute(
        "SELECT run_id, created_at, flow_run_id, outputs, artifact_id FROM manifests "
        "WHERE key = ? ORDER BY artifact_id",
        [key],
    ).fetchall()
    runs = {row[0]: StageRun(row[0], row[1], row[2], json.loads(row[3])) for row in rows}
    query = "SELECT artifact_id FROM retracted"
    retracted = {row[0] for row in connection.execute(query)}
    states = run_states(runs.values(), {row[4] for row in rows}, retracted)
    connection.execute("DELETE FROM runs WHERE key = ?", [key])
    connection.execute("DELETE FROM visible WHERE key = ?", [key])
    connection.executemany(
        "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)",
        [
            (run.run_id, key, run.created_at, run.flow_run_id, json.dumps(dict(run.outputs)))
            for run in states.complete
        ],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO visible VALUES (?, ?, ?, ?)",
        [(seen.artifact_id, key, seen.run_id, seen.superseded) for seen in states.visible],
    )


def _keys(connection: sqlite3.Connection, identifiers: list[str]) -> set[str]:
    query = "SELECT key FROM manifests WHERE artifact_id IN (SELECT value FROM json_each(?))"
    return {row[0] for row in connection.execute(query, [json.dumps(identifiers)])}


def _replace(connection: sqlite3.Connection, table: str, content: dict[str, str]) -> None:
    connection.execute(f"DELETE FROM {table}")  # noqa: S608  - a name from above
    connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", content.items())  # noqa: S608  - a name from above
