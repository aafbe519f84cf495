"""What evaluation concludes."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean with its 95 % interval, clustered by prompt.

    With `baseline_id` the value is the paired difference policy minus baseline on the same
    prompts; without, it is the policy's own mean. `num_prompts` counts clusters, `num_samples`
    the scored answers.
    """

    policy_id: str
    baseline_id: str | None = None
    metric: str
    value: float
    low: float
    high: float
    stderr: float
    num_prompts: int
    num_samples: int

    @property
    def estimate_id(self) -> str:
        """Id over the policies, the metric and the figures."""
        figures = (self.value, self.stderr, self.num_prompts, self.num_samples)
        return row_id(self.policy_id, self.baseline_id, self.metric, figures)


ESTIMATES = Table(
    name="estimates",
    row_type=Estimate,
    id_column="estimate_id",
    schema=pa.schema(
        [
            pa.field("estimate_id", pa.string(), nullable=False),
            pa.field("policy_id", pa.string(), nullable=False),
            pa.field("baseline_id", pa.string()),
            pa.field("metric", pa.string(), nullable=False),
            pa.field("value", pa.float64(), nullable=False),
            pa.field("low", pa.float64(), nullable=False),
            pa.field("high", pa.float64(), nullable=False),
            pa.field("stderr", pa.float64(), nullable=False),
            pa.field("num_prompts", pa.int64(), nullable=False),
            pa.field("num_samples", pa.int64(), nullable=False),
        ]
    ),
)
