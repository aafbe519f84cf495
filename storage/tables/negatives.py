"""Answers to move away from."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import MESSAGES, Message, Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """A dispreferred answer and K self-samples of the same prompt.

    `anchors`, `anchor_seeds` and `anchor_templates` have K entries each, drawn from the policy
    `anchor_policy`; a template is the name of the instruction that the sampler put before the
    prompt, empty for none. Losses always score the original prompt. `pair_id` is null where the
    negative did not come from a pair.
    """

    prompt_id: str
    pair_id: str | None = None
    source: str
    split: str
    messages: tuple[Message, ...]
    rejected: str
    anchors: tuple[str, ...] = ()
    anchor_seeds: tuple[int, ...] = ()
    anchor_templates: tuple[str, ...] = ()
    anchor_policy: str | None = None
    origin: str

    @property
    def negative_id(self) -> str:
        """Id over the prompt, the rejected answer and the anchors."""
        return row_id(self.prompt_id, self.rejected, self.anchors, self.anchor_policy)


NEGATIVES = Table(
    name="negatives",
    row_type=Negative,
    id_column="negative_id",
    schema=pa.schema(
        [
            pa.field("negative_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("pair_id", pa.string()),
            pa.field("source", pa.string(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
            pa.field("messages", MESSAGES, nullable=False),
            pa.field("rejected", pa.string(), nullable=False),
            pa.field("anchors", pa.list_(pa.string()), nullable=False),
            pa.field("anchor_seeds", pa.list_(pa.int64()), nullable=False),
            pa.field("anchor_templates", pa.list_(pa.string()), nullable=False),
            pa.field("anchor_policy", pa.string()),
            pa.field("origin", pa.string(), nullable=False),
        ]
    ),
)
