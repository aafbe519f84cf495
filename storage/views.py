"""The store as a database: one view per table over explicit lists of files."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from storage.index import Index
from storage.manifest import Artifact
from storage.reader import fetch_parts
from storage.root import Root
from storage.tables.all_tables import ALL_TABLES
from storage.view_sql import ViewedFile, text_list, view_sql

if TYPE_CHECKING:
    import duckdb

ALL_SUFFIX = "_all"
_CATALOG = ("artifacts", "parents")
_ARTIFACTS = """
CREATE TABLE artifacts AS SELECT
    id, table_name, stage, key, run_id, params::JSON AS params, num_rows, bytes,
    created_at::TIMESTAMP AS created_at, superseded, stats::JSON AS stats
FROM store_artifacts
"""
_ARTIFACTS_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "table_name", "stage", "key", "run_id", "params")),
        *((name, pa.int64()) for name in ("num_rows", "bytes")),
        ("created_at", pa.string()),
        ("superseded", pa.bool_()),
        ("stats", pa.string()),
    ]
)
_PARENTS_SCHEMA = pa.schema([("artifact_id", pa.string()), ("parent_id", pa.string())])


def view_names() -> list[str]:
    """Return what a query can name."""
    names = [table.name for table in ALL_TABLES]
    return [*names, *(name + ALL_SUFFIX for name in names), *_CATALOG]


def open_views(root: Root, index: Index, mentioned: set[str]) -> "duckdb.DuckDBPyConnection":
    """Return an in-memory DuckDB that sees the store and, locked, nothing else.

    There is a view per table (`pairs`: what is not superseded; `pairs_all`: everything), each
    with `artifact_id` and `run_id`, and the tables `artifacts` (`created_at` in UTC) and
    `parents`. Those that are not `mentioned` exist but are empty, because the files of each view
    have to be opened. The caller closes the connection.

    Raises:
        InputError: a part of a mentioned table is missing.
    """
    import duckdb

    options: dict[str, str | bool | int | float | list[str]] = {
        "python_enable_replacements": "false",  # `from x` must not read a Python variable x
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
        "temp_directory": str(Path(tempfile.gettempdir()) / "prefline-duckdb"),
    }
    connection = duckdb.connect(":memory:", config=options)
    allowed = []
    for table in ALL_TABLES:
        for suffix in ("", ALL_SUFFIX):
            name = table.name + suffix
            files: list[ViewedFile] = []
            if name in mentioned:
                files = _viewed(root, index.artifacts(table.name, superseded=bool(suffix)))
            connection.execute(view_sql(name, table, files))
            allowed += [file.path for file in files]
    is_asked = not mentioned.isdisjoint(_CATALOG)
    _create_catalog(connection, index.artifacts(superseded=True) if is_asked else [])
    connection.execute(f"SET allowed_paths = {text_list(allowed)}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _viewed(root: Root, artifacts: Sequence[Artifact]) -> list[ViewedFile]:
    return [
        ViewedFile(str(part), artifact.artifact_id, artifact.run_id)
        for artifact in artifacts
        for part in fetch_parts(root, artifact)
    ]


def _create_catalog(connection: "duckdb.DuckDBPyConnection", artifacts: Sequence[Artifact]) -> None:
    rows = [
        {
            "id": artifact.artifact_id,
            "table_name": artifact.table,
            "stage": artifact.stage,
            "key": artifact.key,
            "run_id": artifact.run_id,
            "params": json.dumps(dict(artifact.params)),
            "num_rows": artifact.rows,
            "bytes": artifact.bytes,
            "created_at": artifact.created_at,
            "superseded": artifact.superseded,
            "stats": json.dumps(dict(artifact.stats)),
        }
        for artifact in artifacts
    ]
    parents = [
        {"artifact_id": artifact.artifact_id, "parent_id": parent}
        for artifact in artifacts
        for parent in artifact.parents
    ]
    with_rows = pa.Table.from_pylist(rows, schema=_ARTIFACTS_SCHEMA)
    connection.register("store_artifacts", with_rows).execute(_ARTIFACTS)
    with_parents = pa.Table.from_pylist(parents, schema=_PARENTS_SCHEMA)
    connection.register("store_parents", with_parents)
    connection.execute("CREATE TABLE parents AS FROM store_parents")
    for name in ("store_artifacts", "store_parents"):
        connection.unregister(name)
