"""The SQL text of the view of one table."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import pyarrow as pa

from storage.tables.table import Table


@dataclass(frozen=True, slots=True)
class ViewedFile:
    """A local file of an artifact."""

    path: str
    artifact_id: str
    run_id: str


def view_sql(name: str, table: Table[Any], files: Sequence[ViewedFile]) -> str:
    """Return the statement that creates the view `name` over `files`, which may be none.

    Rows without a source give the columns and their types where no file has them: DuckDB refuses
    an empty list of files, and a column that only newer artifacts have must not fail.
    """
    columns = ", ".join(f"{_name(field.name)}" for field in table.schema)
    typed = ", ".join(f"NULL::{_type(field.type)} AS {_name(field.name)}" for field in table.schema)
    if not files:
        ids = "NULL::VARCHAR AS artifact_id, NULL::VARCHAR AS run_id"
        return f"CREATE VIEW {name} AS SELECT {typed}, {ids} WHERE false"
    rows = ", ".join(f"({', '.join(text(cell) for cell in astuple(file))})" for file in files)
    return (
        f"CREATE VIEW {name} AS SELECT {columns}, artifact_id, run_id FROM ("  # noqa: S608  - a table's name and quoted texts
        f"SELECT {typed} WHERE false UNION ALL BY NAME FROM read_parquet("
        f"{text_list([file.path for file in files])}, union_by_name=true, "
        "hive_partitioning=false, filename='store_file')) "
        f"JOIN (VALUES {rows}) AS files (store_file, artifact_id, run_id) USING (store_file)"
    )


def text(value: str) -> str:
    """Return `value` as an SQL string; a view cannot hold bound parameters."""
    return "'" + value.replace("'", "''") + "'"


def text_list(values: Sequence[str]) -> str:
    """Return `values` as an SQL list of strings."""
    return f"[{', '.join(text(value) for value in values)}]::VARCHAR[]"


def _name(column: str) -> str:
    return f'"{column}"'


def _type(kind: pa.DataType) -> str:
    """Return the DuckDB type of a column.

    Raises:
        ValueError: no table has had a column of that type.
    """
    if pa.types.is_list(kind):
        return f"{_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        inner = (f"{_name(field.name)} {_type(field.type)}" for field in kind)
        return f"STRUCT({', '.join(inner)})"
    known = {"string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN"}
    if str(kind) not in known:
        raise ValueError(f"the Arrow type {kind} has no SQL type yet; add it here")
    return known[str(kind)]
