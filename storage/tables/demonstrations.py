"""Texts to imitate."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import MESSAGES, Message, Table, text_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """A prompt and an answer that people wrote.

    `label` is what the source says of the whole text (`positive`, `negative`), null where it says
    nothing.
    """

    prompt_id: str
    source: str
    split: str
    messages: tuple[Message, ...]
    completion: str
    label: str | None = None
    origin: str

    @property
    def demonstration_id(self) -> str:
        """Id over the prompt and the completion."""
        return text_id((self.prompt_id, self.completion))


DEMONSTRATIONS = Table(
    name="demonstrations",
    row_type=Demonstration,
    id_column="demonstration_id",
    schema=pa.schema(
        [
            pa.field("demonstration_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
            pa.field("messages", MESSAGES, nullable=False),
            pa.field("completion", pa.string(), nullable=False),
            pa.field("label", pa.string()),
            pa.field("origin", pa.string(), nullable=False),
        ]
    ),
)
