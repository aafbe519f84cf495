"""What the rows of a source say, before anything is checked or split."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import MESSAGES, Message, Table, text_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A prompt and the answers that a source gives to it.

    `chosen` and `rejected` are a comparison made by `labeler`, null where there is none; `margin`
    is the difference of its scores, `agreement` the share of labels that agree. `demonstrations`
    are answers to imitate, with one of `labels` each; where there are none, `chosen` is the one.
    `negatives` are answers that nobody wants and nothing is compared with. `meta` is a JSON object
    that only the source and its judge read. `file`, `line` and `byte_offset` are where the source
    row stands; where several rows became this one, the others are `more_origins`, as `file:line`.
    """

    source: str
    messages: tuple[Message, ...]
    chosen: str | None = None
    rejected: str | None = None
    labeler: str | None = None
    margin: float | None = None
    agreement: float | None = None
    demonstrations: tuple[str, ...] = ()
    labels: tuple[str | None, ...] = ()
    negatives: tuple[str, ...] = ()
    meta: str = "{}"
    file: str
    line: int
    byte_offset: int | None = None
    more_origins: tuple[str, ...] = ()

    @property
    def num_rows(self) -> int:
        """How many source rows became this one."""
        return 1 + len(self.more_origins)

    @property
    def origin(self) -> str:
        """Where the (first) source row stands, as `file:line`."""
        return f"{self.file}:{self.line}"

    @property
    def example_id(self) -> str:
        """Id over the prompt and all answers."""
        texts = [self.source, self.chosen, self.rejected, self.labeler]
        for listed in (self.demonstrations, self.labels, self.negatives):
            texts += [*listed, None]
        for turn in self.messages:
            texts += (turn.role, turn.content)
        return text_id(texts)


EXAMPLES = Table(
    name="examples",
    row_type=Example,
    id_column="example_id",
    schema=pa.schema(
        [
            pa.field("example_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("messages", MESSAGES, nullable=False),
            pa.field("chosen", pa.string()),
            pa.field("rejected", pa.string()),
            pa.field("labeler", pa.string()),
            pa.field("margin", pa.float64()),
            pa.field("agreement", pa.float64()),
            pa.field("demonstrations", pa.list_(pa.string()), nullable=False),
            pa.field("labels", pa.list_(pa.string()), nullable=False),
            pa.field("negatives", pa.list_(pa.string()), nullable=False),
            pa.field("meta", pa.string(), nullable=False),
            pa.field("file", pa.string(), nullable=False),
            pa.field("line", pa.int64(), nullable=False),
            pa.field("byte_offset", pa.int64()),
            pa.field("more_origins", pa.list_(pa.string()), nullable=False),
        ]
    ),
)
