"""What a policy is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import MESSAGES, Message, Table, text_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A conversation that waits for an answer, or the start of a text.

    `split` is train, judge or eval, and every prompt of one `cluster` is in the same split: no
    evaluation prompt has a near copy in training. `meta` is a JSON object that only the source
    and its judge read. `origin` is where the row came from, as `file:line`.
    """

    source: str
    split: str
    messages: tuple[Message, ...]
    cluster: str
    meta: str = "{}"
    origin: str

    @property
    def prompt_id(self) -> str:
        """Id over the source and the messages."""
        return prompt_id(self.source, self.messages)


def prompt_id(source: str, messages: Sequence[Message]) -> str:
    """Return the id of a prompt: over its source and its messages."""
    texts = [source]
    for turn in messages:
        texts += (turn.role, turn.content)
    return text_id(texts)


PROMPTS = Table(
    name="prompts",
    row_type=Prompt,
    id_column="prompt_id",
    schema=pa.schema(
        [
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
            pa.field("messages", MESSAGES, nullable=False),
            pa.field("cluster", pa.string(), nullable=False),
            pa.field("meta", pa.string(), nullable=False),
            pa.field("origin", pa.string(), nullable=False),
        ]
    ),
)
