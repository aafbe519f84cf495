"""Answers that nobody wants, with nothing to compare them to."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import MESSAGES, Message, Table, text_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispreferred:
    """A prompt and an answer to move away from; the rejected side of pairs is not among them."""

    prompt_id: str
    source: str
    split: str
    messages: tuple[Message, ...]
    rejected: str
    origin: str

    @property
    def dispreferred_id(self) -> str:
        """Id over the prompt and the answer."""
        return text_id((self.prompt_id, self.rejected))


DISPREFERRED = Table(
    name="dispreferred",
    row_type=Dispreferred,
    id_column="dispreferred_id",
    schema=pa.schema(
        [
            pa.field("dispreferred_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
            pa.field("messages", MESSAGES, nullable=False),
            pa.field("rejected", pa.string(), nullable=False),
            pa.field("origin", pa.string(), nullable=False),
        ]
    ),
)
