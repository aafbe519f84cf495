"""What people were asked to compare."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import MESSAGES, Message, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanComparison:
    """Answers to one prompt that people were asked to compare, with all texts.

    `completions`, `texts` and `policies` (who wrote each answer, empty where unknown) go in the same
    order: side a, side b, and so on. `judge` names who compared them before, empty if nobody did, and
    `judged` is what came of it: a letter or tie. `gold` is the letter of the side that is known to be
    best, or tie; null for an ordinary comparison.
    """

    comparison_id: str
    queue: str
    prompt_id: str
    source: str
    split: str
    messages: tuple[Message, ...]
    completions: tuple[str, ...]
    texts: tuple[str, ...]
    policies: tuple[str, ...]
    judge: str
    judged: str | None
    gold: str | None
    origin: str

    @property
    def row_key(self) -> str:
        """The queue and the comparison: one comparison may be in several queues."""
        return f"{self.queue}-{self.comparison_id}"


COMPARISONS = Table(
    name="comparisons",
    row_type=HumanComparison,
    id_column="row_key",
    schema=pa.schema(
        [
            pa.field("row_key", pa.string(), nullable=False),
            pa.field("comparison_id", pa.string(), nullable=False),
            pa.field("queue", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
            pa.field("messages", MESSAGES, nullable=False),
            pa.field("completions", pa.list_(pa.string()), nullable=False),
            pa.field("texts", pa.list_(pa.string()), nullable=False),
            pa.field("policies", pa.list_(pa.string()), nullable=False),
            pa.field("judge", pa.string(), nullable=False),
            pa.field("judged", pa.string()),
            pa.field("gold", pa.string()),
            pa.field("origin", pa.string(), nullable=False),
        ]
    ),
)
