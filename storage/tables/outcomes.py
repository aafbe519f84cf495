"""What became of each prompt that was to give preference pairs."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptOutcome:
    """Why a prompt gave pairs, or why it gave none.

    `status` is the first of these that fits: paired (at least one pair), pending (the budget did not
    reach it), failed (a call brought no reply), refused (the model or its provider withheld the
    text), flagged (only comparisons whose verdict obeys a candidate's text), unparsable (of no two
    answers a verdict could be read), same-text (no two texts differ), too-few (fewer than two
    answers), undecided (the judge's verdict changed with the order of the answers), tied (no
    difference, or one below the margin). The counts are of this prompt: answers, comparisons or
    scores, and what became of them.

    Of a prompt that people compared it is the first that fits of paired, both-bad (people find every
    answer of a comparison bad), undecided (people disagree), tied, same-text, skipped (there are only
    skips) and pending (no label counts). Then `num_verdicts` counts labels, `num_ties` also
    comparisons with both bad, `num_undecided` also preferences that contradict each other, and
    `num_pending` also skipped comparisons.
    """

    prompt_id: str
    status: str
    detail: str = ""
    num_completions: int = 0
    num_verdicts: int = 0
    num_pairs: int = 0
    num_ties: int = 0
    num_undecided: int = 0
    num_same_text: int = 0
    num_unparsable: int = 0
    num_flagged: int = 0
    num_failed: int = 0
    num_pending: int = 0

    @property
    def outcome_id(self) -> str:
        """Id over the prompt and what became of it."""
        return row_id(self.prompt_id, self.status, self.detail, self.num_pairs)


OUTCOMES = Table(
    name="outcomes",
    row_type=PromptOutcome,
    id_column="outcome_id",
    schema=pa.schema(
        [
            pa.field("outcome_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("status", pa.string(), nullable=False),
            pa.field("detail", pa.string(), nullable=False),
            pa.field("num_completions", pa.int64(), nullable=False),
            pa.field("num_verdicts", pa.int64(), nullable=False),
            pa.field("num_pairs", pa.int64(), nullable=False),
            pa.field("num_ties", pa.int64(), nullable=False),
            pa.field("num_undecided", pa.int64(), nullable=False),
            pa.field("num_same_text", pa.int64(), nullable=False),
            pa.field("num_unparsable", pa.int64(), nullable=False),
            pa.field("num_flagged", pa.int64(), nullable=False),
            pa.field("num_failed", pa.int64(), nullable=False),
            pa.field("num_pending", pa.int64(), nullable=False),
        ]
    ),
)
