"""What a judge said."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judge's answer about one completion (a score) or two (a choice).

    `completion_b` is null for a score. `choice` is a, b, tie or unparsable; for a score it is null
    unless the answer could not be read, then `unparsable`. `swapped` says that b was shown first;
    `choice` means a and b themselves all the same. `score` is in the judge's own unit, `probability`
    is that of the preferred class or of a.

    `outcome` is ok, or what became of the call that was to bring the verdict (length, refusal,
    server-error, ..., pending): then `choice` is unparsable if a reply came and null if none did, and
    `detail` tells why. `rubric` names the question with its version, `parser` the reader of the
    reply with its version, `request_key` the call in the journal. `flags` are reasons to distrust the
    verdict, such as a reply that obeys a candidate's text.
    """

    completion_a: str
    completion_b: str | None = None
    judge: str
    swapped: bool = False
    choice: str | None = None
    score: float | None = None
    probability: float | None = None
    reply: str = ""
    tokens: int = 0
    cost_usd: float = 0.0
    latency_seconds: float = 0.0
    outcome: str = "ok"
    detail: str = ""
    rubric: str = ""
    parser: str = ""
    request_key: str = ""
    flags: tuple[str, ...] = ()

    @property
    def verdict_id(self) -> str:
        """Id over what was asked of whom and the reply."""
        asked = (self.completion_a, self.completion_b, self.judge, self.rubric, self.swapped)
        return row_id(asked, self.outcome, self.parser, self.reply)


VERDICTS = Table(
    name="verdicts",
    row_type=Verdict,
    id_column="verdict_id",
    schema=pa.schema(
        [
            pa.field("verdict_id", pa.string(), nullable=False),
            pa.field("completion_a", pa.string(), nullable=False),
            pa.field("completion_b", pa.string()),
            pa.field("judge", pa.string(), nullable=False),
            pa.field("swapped", pa.bool_(), nullable=False),
            pa.field("choice", pa.string()),
            pa.field("score", pa.float64()),
            pa.field("probability", pa.float64()),
            pa.field("reply", pa.string(), nullable=False),
            pa.field("tokens", pa.int64(), nullable=False),
            pa.field("cost_usd", pa.float64(), nullable=False),
            pa.field("latency_seconds", pa.float64(), nullable=False),
            pa.field("outcome", pa.string(), nullable=False),
            pa.field("detail", pa.string(), nullable=False),
            pa.field("rubric", pa.string(), nullable=False),
            pa.field("parser", pa.string(), nullable=False),
            pa.field("request_key", pa.string(), nullable=False),
            pa.field("flags", pa.list_(pa.string()), nullable=False),
        ]
    ),
    version=2,
)
