"""What calls of an API cost."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one stage run spent on one model.

    `flow_run` is the run that paid. `calls` were made in it, `calls_reused` were answered from the
    journal and cost nothing again, `attempts_failed` brought no reply and were tried again. Tokens
    are those that the server reported; `tokens_unreported` are the most that attempts can have used
    whose reply never came whole, and stand in `cost_usd` too. `cost_usd` is null where the model's price
    is unknown.
    """

    stage: str
    flow_run: str
    model: str
    calls: int
    calls_reused: int
    attempts_failed: int
    prompt_tokens: int
    completion_tokens: int
    tokens_unreported: int
    cost_usd: float | None

    @property
    def spending_id(self) -> str:
        """Id over the run and the model."""
        return row_id(self.stage, self.flow_run, self.model)


SPENDING = Table(
    name="spending",
    row_type=Spending,
    id_column="spending_id",
    schema=pa.schema(
        [
            pa.field("spending_id", pa.string(), nullable=False),
            pa.field("stage", pa.string(), nullable=False),
            pa.field("flow_run", pa.string(), nullable=False),
            pa.field("model", pa.string(), nullable=False),
            pa.field("calls", pa.int64(), nullable=False),
            pa.field("calls_reused", pa.int64(), nullable=False),
            pa.field("attempts_failed", pa.int64(), nullable=False),
            pa.field("prompt_tokens", pa.int64(), nullable=False),
            pa.field("completion_tokens", pa.int64(), nullable=False),
            pa.field("tokens_unreported", pa.int64(), nullable=False),
            pa.field("cost_usd", pa.float64()),
        ]
    ),
)
