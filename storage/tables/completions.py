"""What a policy answered."""

from dataclasses import dataclass

import pyarrow as pa

from storage.tables.table import Table, row_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One sampled answer.

    `policy` is a policy id; `<policy id>@<step>` is that policy when it was in training, after that
    optimizer step. `temperature` 0 means greedy. `finish_reason` is stop (the model ended
    the text) or length. `num_tokens` counts the answer's tokens with its end-of-sequence token.
    `sum_logp` is the answer's log-probability in nats under the policy at temperature 1, summed
    over those tokens; null where the sampler cannot know it.
    """

    prompt_id: str
    policy: str
    text: str
    sample_index: int
    temperature: float
    seed: int
    finish_reason: str
    num_tokens: int
    sum_logp: float | None = None

    @property
    def completion_id(self) -> str:
        """Id over the prompt, the policy, the draw and the text."""
        draw = (self.sample_index, self.temperature, self.seed)
        return row_id(self.prompt_id, self.policy, draw, self.text)


COMPLETIONS = Table(
    name="completions",
    row_type=Completion,
    id_column="completion_id",
    schema=pa.schema(
        [
            pa.field("completion_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("policy", pa.string(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("sample_index", pa.int64(), nullable=False),
            pa.field("temperature", pa.float64(), nullable=False),
            pa.field("seed", pa.int64(), nullable=False),
            pa.field("finish_reason", pa.string(), nullable=False),
            pa.field("num_tokens", pa.int64(), nullable=False),
            pa.field("sum_logp", pa.float64()),
        ]
    ),
)
