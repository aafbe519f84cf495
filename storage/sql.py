"""A user's SQL: one question, read-only."""

import re
from typing import TYPE_CHECKING

import pyarrow as pa

from storage.index import Index
from storage.input_error import InputError
from storage.root import Root
from storage.views import open_views, view_names

if TYPE_CHECKING:
    import duckdb

_EXPLAIN = re.compile(r"\s*explain(\s+analyze\b|\s*\([^()]*\))?", re.IGNORECASE)
_WORD = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE)
_INDIRECT = ("query", "query_table")
_ONE_QUESTION = "Ask one question with SELECT (or FROM, WITH, DESCRIBE, SUMMARIZE, EXPLAIN)."


def run_sql(root: Root, index: Index, query: str, *, limit: int | None = None) -> pa.Table:
    """Return the rows of one read-only query over the store's views, at most `limit` of them.

    Raises:
        InputError: it is not exactly one query, DuckDB refuses it, it reaches for anything but
            the store, or `limit` is negative.
    """
    import duckdb

    if limit is not None and limit < 0:
        raise InputError(f"limit is {limit}; it must be 0 or more.")
    try:
        _check_one_question(query)
        connection = open_views(root, index, _mentioned(query))
        try:
            return _first_rows(connection, query, limit)
        finally:
            connection.close()
    except duckdb.Error as error:
        raise InputError(f"the query cannot be answered. {error}") from error


def _mentioned(query: str) -> set[str]:
    """Return the tables that `query` may name: all that occur in it as a word.

    DuckDB's own `get_table_names` is no help: it binds, so it fails on `USING` without the tables
    and opens the files that a query reads before anything is locked.
    """
    words = {word.lower() for word in _WORD.findall(query)}
    names = set(view_names())
    is_indirect = not words.isdisjoint(_INDIRECT)  # the name may be the result of an expression
    return names if is_indirect else names & words


def _check_one_question(query: str) -> None:
    """Raise InputError unless `query` is exactly one statement that only reads."""
    kinds = _statement_kinds(query)
    if len(kinds) != 1:
        raise InputError(f"there are {len(kinds)} statements in the query. {_ONE_QUESTION}")
    if kinds == ["EXPLAIN"]:
        # EXPLAIN ANALYZE runs what it explains, so that must be a question as well.
        match = _EXPLAIN.match(query)
        if match is None:
            raise InputError(f"EXPLAIN must be the first word of the query. {_ONE_QUESTION}")
        kinds = _statement_kinds(query[match.end() :])
    if kinds != ["SELECT"]:
        refused = " ".join(kinds) or "EXPLAIN"
        raise InputError(
            f"{refused} statements are not run: the store is read-only. {_ONE_QUESTION}"
        )


def _statement_kinds(query: str) -> list[str]:
    import duckdb

    with duckdb.connect(":memory:") as parser:
        return [statement.type.name for statement in parser.extract_statements(query)]


def _first_rows(connection: "duckdb.DuckDBPyConnection", query: str, limit: int | None) -> pa.Table:
    relation = connection.sql(query)
    if limit is None:
        return relation.to_arrow_table()
    batches: list[pa.RecordBatch] = []
    missing = limit
    with relation.to_arrow_reader() as reader:
        while missing > 0 and (batch := next(reader, None)) is not None:
            batches.append(batch.slice(0, missing))
            missing -= batches[-1].num_rows
        return pa.Table.from_batches(batches, schema=reader.schema)
