"""One number about one answer."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One metric of one answer of a policy.

    `completion_id` is null where the metric is about the prompt's demonstration (perplexity)
    and not about a sampled answer; `item` then tells repeated rows of a prompt apart.
    """

    policy_id: str
    prompt_id: str
    completion_id: str | None = None
    item: int = 0
    metric: str
    value: float

    @property
    def score_id(self) -> str:
        """Id over the policy, what was scored and the metric."""
        return row_id(self.policy_id, self.prompt_id, self.completion_id, self.item, self.metric)


SCORES = Table(
    name="scores",
    row_type=Score,
    id_column="score_id",
    schema=pa.schema(
        [
            pa.field("score_id", pa.string(), nullable=False),
            pa.field("policy_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("completion_id", pa.string()),
            pa.field("item", pa.int64(), nullable=False),
            pa.field("metric", pa.string(), nullable=False),
            pa.field("value", pa.float64(), nullable=False),
        ]
    ),
)
