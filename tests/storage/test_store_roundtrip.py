import shutil
import tempfile
from dataclasses import fields
from types import UnionType
from typing import get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.store import open_store
from storage.tables.all_tables import ALL_TABLES
from storage.tables.table import Message
from storage.work import Work

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    type(None): st.none(),
    Message: st.builds(Message, TEXT, TEXT),
}


def values(kind):
    if get_origin(kind) is tuple:
        return st.lists(values(get_args(kind)[0]), max_size=3).map(tuple)
    if isinstance(kind, UnionType):
        return st.one_of([values(each) for each in get_args(kind)])
    return VALUES[kind]


def rows_of(table):
    row = st.builds(table.row_type, **{f.name: values(f.type) for f in fields(table.row_type)})
    return st.lists(row, max_size=5)


@pytest.fixture(scope="module")
def shared_store():
    root = tempfile.mkdtemp()
    yield open_store(root)
    shutil.rmtree(root)


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
def test_rows_come_back_as_they_were_written(shared_store, table, data):
    rows = data.draw(rows_of(table))
    with shared_store.begin(Work("round-trip", 1, {"table": table.name}), [table]) as writer:
        writer.write(table, rows)
        artifact = writer.commit()[table.name]
    assert shared_store.rows(table, artifact, verify=True) == rows
    columns = shared_store.read(artifact)
    assert columns.schema.equals(table.schema, check_metadata=True)
    assert columns[table.id_column].to_pylist() == [getattr(row, table.id_column) for row in rows]


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_row_type_and_schema_agree(table):
    """First the id, then the fields in order, nullable where the field takes None."""
    declared = [
        (field.name, type(None) in get_args(field.type)) for field in fields(table.row_type)
    ]
    in_schema = [(field.name, field.nullable) for field in table.schema]
    assert in_schema == [(table.id_column, False), *declared]


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_duckdb_and_arrow_read_the_same(shared_store, table):
    """The name inside a list is DuckDB's own; the values are what counts."""
    samples = {str: "it's", int: 3, float: 0.5, bool: True, tuple[str, ...]: ("a", "b")}
    samples |= {tuple[int, ...]: (1, 2), tuple[Message, ...]: (Message("user", "a'b"),)}
    samples |= {tuple[str | None, ...]: ("a", None)}
    row = table.row_type(**{f.name: samples.get(f.type) for f in fields(table.row_type)})
    with shared_store.begin(Work("duckdb", 1, {"table": table.name}), [table]) as writer:
        writer.write(table, [row])
        artifact = writer.commit()[table.name]
    answer = shared_store.sql(
        f"select * exclude (artifact_id, run_id) from {table.name} "
        f"where artifact_id = '{artifact.artifact_id}'"
    )
    assert answer.to_pylist() == shared_store.read(artifact).to_pylist()
    empty = shared_store.sql(f"select * exclude (artifact_id, run_id) from {table.name} limit 0")
    assert empty.column_names == table.schema.names
