"""Which of two answers is preferred."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import MESSAGES, Message, Table, text_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePair:
    """Two answers to one prompt, the preferred one as `chosen`.

    `labeler_kind` is dataset, llm, judge, human or oracle; `labeler` names it. `agreement` is the
    share of labels that agree, `margin` the difference of scores, each null where there is none.
    `chosen_id` and `rejected_id` are completion ids where the answers were sampled.
    """

    prompt_id: str
    source: str
    split: str
    messages: tuple[Message, ...]
    chosen: str
    rejected: str
    labeler_kind: str
    labeler: str
    agreement: float | None = None
    margin: float | None = None
    chosen_id: str | None = None
    rejected_id: str | None = None
    origin: str

    @property
    def pair_id(self) -> str:
        """Id over the prompt, both answers and who labelled them."""
        return text_id(
            (self.prompt_id, self.chosen, self.rejected, self.labeler_kind, self.labeler)
        )


PAIRS = Table(
    name="pairs",
    row_type=PreferencePair,
    id_column="pair_id",
    schema=pa.schema(
        [
            pa.field("pair_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
            pa.field("messages", MESSAGES, nullable=False),
            pa.field("chosen", pa.string(), nullable=False),
            pa.field("rejected", pa.string(), nullable=False),
            pa.field("labeler_kind", pa.string(), nullable=False),
            pa.field("labeler", pa.string(), nullable=False),
            pa.field("agreement", pa.float64()),
            pa.field("margin", pa.float64()),
            pa.field("chosen_id", pa.string()),
            pa.field("rejected_id", pa.string()),
            pa.field("origin", pa.string(), nullable=False),
        ]
    ),
)
