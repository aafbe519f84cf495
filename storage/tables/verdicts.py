"""What a judge said."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judge's answer about one completion (a score) or two (a choice).

    `completion_b` is null for a score. `choice` is a, b, tie or unparsable; for a score it is null
    unless the answer could not be read, then `unparsable`. `score` is in the judge's own unit,
    `probability` is that of the preferred class or of a.
    """

    completion_a: str
    completion_b: str | None = None
    judge: str
    swapped: bool = False
    choice: str | None = None
    score: float | None = None
    probability: float | None = None
    reply: str = ""
    tokens: int = 0
    cost_usd: float = 0.0
    latency_seconds: float = 0.0

    @property
    def verdict_id(self) -> str:
        """Id over what was asked of whom and the reply."""
        return row_id(self.completion_a, self.completion_b, self.judge, self.swapped, self.reply)


VERDICTS = Table(
    name="verdicts",
    row_type=Verdict,
    id_column="verdict_id",
    schema=pa.schema(
        [
            pa.field("verdict_id", pa.string(), nullable=False),
            pa.field("completion_a", pa.string(), nullable=False),
            pa.field("completion_b", pa.string()),
            pa.field("judge", pa.string(), nullable=False),
            pa.field("swapped", pa.bool_(), nullable=False),
            pa.field("choice", pa.string()),
            pa.field("score", pa.float64()),
            pa.field("probability", pa.float64()),
            pa.field("reply", pa.string(), nullable=False),
            pa.field("tokens", pa.int64(), nullable=False),
            pa.field("cost_usd", pa.float64(), nullable=False),
            pa.field("latency_seconds", pa.float64(), nullable=False),
        ]
    ),
)
