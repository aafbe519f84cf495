"""What people said about answers that they compared."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanLabel:
    """One person's answer to one comparison.

    `completions` are the compared answers; the first is called a, the second b, and so on.
    `choice` is the letter of the best answer, tie, both_bad or skip. `worst` is the letter of the
    worst answer where one is best (of two, the other one), otherwise null. `strength` is slight or
    clear, null where nothing was said. `shown_order` has the letters in the order on the screen:
    `ba` says that b was shown first. `seconds` counts the time with the comparison in sight.

    `annotator` is a pseudonym. `is_gold` marks a comparison whose answer was known before,
    `is_adjudication` a label that settles what others disagree on. `labelled_at` is a time in UTC,
    ISO 8601.
    """

    comparison_id: str
    prompt_id: str
    completions: tuple[str, ...]
    annotator: str
    choice: str
    worst: str | None = None
    strength: str | None = None
    shown_order: str
    seconds: float
    note: str = ""
    is_gold: bool = False
    is_adjudication: bool = False
    queue: str
    labelled_at: str

    @property
    def label_id(self) -> str:
        """Id over the comparison, who labelled it, when, and what they said."""
        said = (self.choice, self.worst, self.strength, self.note)
        return row_id(self.queue, self.comparison_id, self.annotator, self.labelled_at, said)


LABELS = Table(
    name="labels",
    row_type=HumanLabel,
    id_column="label_id",
    schema=pa.schema(
        [
            pa.field("label_id", pa.string(), nullable=False),
            pa.field("comparison_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("completions", pa.list_(pa.string()), nullable=False),
            pa.field("annotator", pa.string(), nullable=False),
            pa.field("choice", pa.string(), nullable=False),
            pa.field("worst", pa.string()),
            pa.field("strength", pa.string()),
            pa.field("shown_order", pa.string(), nullable=False),
            pa.field("seconds", pa.float64(), nullable=False),
            pa.field("note", pa.string(), nullable=False),
            pa.field("is_gold", pa.bool_(), nullable=False),
            pa.field("is_adjudication", pa.bool_(), nullable=False),
            pa.field("queue", pa.string(), nullable=False),
            pa.field("labelled_at", pa.string(), nullable=False),
        ]
    ),
)
