"""What the checks of ingested data found."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityFinding:
    """The outcome of one check.

    `action` is what was done to the rows that it found: quarantine, warn (they stay) or fail.
    Of `num_checked` examples it found `num_found`. `value` is what `metric` names, with a 95 %
    interval where it is an estimate. `flagged` says that somebody should look.
    """

    source: str
    check_name: str
    action: str
    num_checked: int
    num_found: int
    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    flagged: bool
    detail: str

    @property
    def finding_id(self) -> str:
        """Id over the check and what it found."""
        return row_id(
            self.source, self.check_name, self.action, self.num_found, self.metric, self.value
        )


QUALITY = Table(
    name="quality",
    row_type=QualityFinding,
    id_column="finding_id",
    schema=pa.schema(
        [
            pa.field("finding_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("check_name", pa.string(), nullable=False),
            pa.field("action", pa.string(), nullable=False),
            pa.field("num_checked", pa.int64(), nullable=False),
            pa.field("num_found", pa.int64(), nullable=False),
            pa.field("metric", pa.string(), nullable=False),
            pa.field("value", pa.float64()),
            pa.field("low", pa.float64()),
            pa.field("high", pa.float64()),
            pa.field("flagged", pa.bool_(), nullable=False),
            pa.field("detail", pa.string(), nullable=False),
        ]
    ),
)
