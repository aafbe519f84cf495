"""What a frozen reference makes of the responses that policies are trained on."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceLogp:
    """The log-probability of one response under a reference, kept for the next training.

    `row_id` is the id of the pair or negative, `response` the place of the response in it, from 0:
    chosen and rejected of a pair; the self-samples and then the negative of a negative. `logp` is in
    nats, summed over the `num_tokens` tokens, the end token included. `arithmetic` is float32 or
    bfloat16. `tokens_sha256` is the hash of the token ids of prompt and response: another tokenizer,
    template or truncation gives another one, and the row is not used then.
    """

    row_id: str
    response: int
    arithmetic: str
    tokens_sha256: str
    num_tokens: int
    logp: float

    @property
    def reference_logp_id(self) -> str:
        """Id over the row, the response, its tokens, the arithmetic and the log-probability."""
        place = (self.row_id, self.response)
        return row_id(place, self.tokens_sha256, self.arithmetic, self.logp)


REFERENCE_LOGPS = Table(
    name="reference_logps",
    row_type=ReferenceLogp,
    id_column="reference_logp_id",
    schema=pa.schema(
        [
            pa.field("reference_logp_id", pa.string(), nullable=False),
            pa.field("row_id", pa.string(), nullable=False),
            pa.field("response", pa.int64(), nullable=False),
            pa.field("arithmetic", pa.string(), nullable=False),
            pa.field("tokens_sha256", pa.string(), nullable=False),
            pa.field("num_tokens", pa.int64(), nullable=False),
            pa.field("logp", pa.float64(), nullable=False),
        ]
    ),
)
