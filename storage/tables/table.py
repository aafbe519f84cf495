"""Table: a row type and its Arrow schema, declared once."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import orjson
import pyarrow as pa

MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))


class DataclassRow(Protocol):
    """What every row type is: a frozen, slotted, keyword-only dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Row = TypeVar("Row", bound=DataclassRow)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; role `text` marks a plain text to be continued."""

    role: str
    content: str


def row_id(*content: object) -> str:
    """Return the first 16 hex digits of the sha256 of `content` as canonical JSON.

    The same content has the same id in every artifact, which makes lineage a join.

    Raises:
        TypeError: `content` holds text that is not valid Unicode (a lone surrogate) or a value
            that JSON does not know.
    """
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def text_id(texts: Sequence[str | None]) -> str:
    """Return an id as `row_id` does, over texts alone, in half its time; null counts as empty.

    Raises:
        UnicodeEncodeError: a text is not valid Unicode (a lone surrogate).
    """
    joined = "\0".join([text or "" for text in texts])
    if joined.count("\0") >= len(texts):  # a text holds one itself: only lengths keep them apart
        joined = str([len(text or "") for text in texts]) + joined
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[Row]):
    """One kind of artifact.

    `id_column` names a property of the row type that is computed from its content; it is the
    first column of `schema`, the other columns are the fields of the row type in order. Raise
    `version` when the meaning of a column changes.
    """

    name: str
    row_type: type[Row]
    id_column: str
    schema: pa.Schema
    version: int = 1

    def to_arrow(self, rows: Sequence[Row], ids: Sequence[str] | None = None) -> pa.Table:
        """Return `rows` under the table's schema, ids first; `ids` where they are known already.

        Raises:
            pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: a value does not fit its column.
        """
        id_of = attrgetter(self.id_column)
        columns: list[pa.Array] = [
            pa.array(list(map(id_of, rows)) if ids is None else ids, self.schema.field(0).type)
        ]
        for column in fields(self.row_type):
            values = list(map(attrgetter(column.name), rows))
            kind = self.schema.field(column.name).type
            columns.append(messages_array(values) if kind == MESSAGES else pa.array(values, kind))
        return pa.Table.from_arrays(columns, schema=self.schema)

    def from_arrow(self, columns: pa.Table) -> Iterator[Row]:
        """Yield the rows of an Arrow table that holds at least this table's columns."""
        names = [field.name for field in fields(self.row_type)]
        for batch in columns.select(names).to_batches():
            values = [_python_values(name, batch.column(name)) for name in names]
            for row in zip(*values, strict=True):
                yield self.row_type(**dict(zip(names, row, strict=True)))


def messages_array(conversations: Sequence[Sequence[Message]]) -> pa.ListArray:
    """Return conversations as one Arrow array, built from flat columns: structs are slow."""
    turns = list(chain.from_iterable(conversations))
    roles = pa.array([turn.role for turn in turns], pa.string())
    contents = pa.array([turn.content for turn in turns], pa.string())
    starts = pa.array(accumulate(map(len, conversations), initial=0), pa.int32())
    flat = pa.StructArray.from_arrays([roles, contents], fields=list(MESSAGES.value_type))
    return pa.ListArray.from_arrays(starts, flat, type=MESSAGES)


def conversations(messages: pa.ListArray) -> list[tuple[Message, ...]]:
    """Return the conversations of an Arrow array; the inverse of `messages_array`."""
    flat = messages.flatten()
    roles, contents = (flat.field(name).to_pylist() for name in ("role", "content"))
    turns = [Message(role, content) for role, content in zip(roles, contents, strict=True)]
    ends = list(accumulate(messages.value_lengths().to_pylist()))
    return [tuple(turns[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def _python_values(name: str, column: pa.Array) -> list[Any]:
    """Return lists as tuples and the structs of `messages` as Message."""
    if name == "messages":
        return conversations(column)
    values: list[Any] = column.to_pylist()
    if pa.types.is_list(column.type):
        return [value if value is None else tuple(value) for value in values]
    return values
