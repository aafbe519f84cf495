"""Metrics while training."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStep:
    """One metric at one optimizer step, under TRL's key (`loss`, `rewards/margins`, `kl`)."""

    policy_id: str
    step: int
    metric: str
    value: float

    @property
    def training_step_id(self) -> str:
        """Id over the policy, the step and the metric."""
        return row_id(self.policy_id, self.step, self.metric)


TRAINING_STEPS = Table(
    name="training_steps",
    row_type=TrainingStep,
    id_column="training_step_id",
    schema=pa.schema(
        [
            pa.field("training_step_id", pa.string(), nullable=False),
            pa.field("policy_id", pa.string(), nullable=False),
            pa.field("step", pa.int64(), nullable=False),
            pa.field("metric", pa.string(), nullable=False),
            pa.field("value", pa.float64(), nullable=False),
        ]
    ),
)
