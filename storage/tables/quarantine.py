"""Source rows that were refused."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A source row that did not become data, and why.

    `line` counts from 1; `byte_offset` is where the row starts in the uncompressed file, null
    where the format has no byte positions. `raw` holds at most the first 64 kB of the row,
    `raw_sha256` is the hash of all its bytes.
    """

    source: str
    file: str
    line: int
    byte_offset: int | None = None
    reason: str
    raw: str
    raw_sha256: str

    @property
    def refusal_id(self) -> str:
        """Id over the position and the reason."""
        return row_id(self.source, self.file, self.line, self.reason, self.raw_sha256)


QUARANTINE = Table(
    name="quarantine",
    row_type=Refusal,
    id_column="refusal_id",
    version=2,
    schema=pa.schema(
        [
            pa.field("refusal_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("file", pa.string(), nullable=False),
            pa.field("line", pa.int64(), nullable=False),
            pa.field("byte_offset", pa.int64()),
            pa.field("reason", pa.string(), nullable=False),
            pa.field("raw", pa.string(), nullable=False),
            pa.field("raw_sha256", pa.string(), nullable=False),
        ]
    ),
)
