"""Trained models."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A model that training made, or that training starts from (method `base`).

    `checkpoint` is a directory relative to the store's root, or the path or hub id of a base model
    that was not copied. `weights_sha256` is the sha256 over the names and hashes of its files.
    `reference` is the policy id that training started from and stayed close to. `num_dropped`
    counts rows that could not be trained on; `stop_reason` is finished, kl_budget or diverged.
    """

    method: str
    base_model: str
    checkpoint: str
    weights_sha256: str
    reference: str | None = None
    params: str
    num_rows: int = 0
    num_dropped: int = 0
    num_steps: int = 0
    num_tokens: int = 0
    train_seconds: float = 0.0
    stop_reason: str = "finished"

    @property
    def policy_id(self) -> str:
        """Id over the method, its parameters, the reference and the weights."""
        return row_id(self.method, self.params, self.reference, self.weights_sha256)


POLICIES = Table(
    name="policies",
    row_type=Policy,
    id_column="policy_id",
    schema=pa.schema(
        [
            pa.field("policy_id", pa.string(), nullable=False),
            pa.field("method", pa.string(), nullable=False),
            pa.field("base_model", pa.string(), nullable=False),
            pa.field("checkpoint", pa.string(), nullable=False),
            pa.field("weights_sha256", pa.string(), nullable=False),
            pa.field("reference", pa.string()),
            pa.field("params", pa.string(), nullable=False),
            pa.field("num_rows", pa.int64(), nullable=False),
            pa.field("num_dropped", pa.int64(), nullable=False),
            pa.field("num_steps", pa.int64(), nullable=False),
            pa.field("num_tokens", pa.int64(), nullable=False),
            pa.field("train_seconds", pa.float64(), nullable=False),
            pa.field("stop_reason", pa.string(), nullable=False),
        ]
    ),
)
