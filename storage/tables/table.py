"""Table: a row type and its Arrow schema, declared once."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
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

    def to_arrow(self, rows: Iterable[Row]) -> pa.Table:
        """Return `rows` under the table's schema, ids first.

        Raises:
            pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: a value does not fit its column.
        """
        names = [field.name for field in fields(self.row_type)]
        kept = list(rows)
        columns: dict[str, list[object]] = {
            self.id_column: [getattr(row, self.id_column) for row in kept]
        }
        for name in names:
            columns[name] = [_plain(getattr(row, name)) for row in kept]
        return pa.Table.from_pydict(columns, schema=self.schema)

    def from_arrow(self, columns: pa.Table) -> Iterator[Row]:
        """Yield the rows of an Arrow table that holds at least this table's columns."""
        names = [field.name for field in fields(self.row_type)]
        for batch in columns.select(names).to_batches():
            for values in batch.to_pylist():
                yield self.row_type(**{k: _typed(k, v) for k, v in values.items()})


def _plain(value: object) -> object:
    """Return dataclasses inside a tuple as dicts, everything else as it is."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    return value


def _typed(name: str, value: object) -> object:
    """Return lists as tuples and the structs of `messages` as Message."""
    if name == "messages" and isinstance(value, list):
        return tuple(Message(**turn) for turn in value)
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def _frozen(item: object) -> object:
    return dict(item) if isinstance(item, Mapping) else item
