"""How well a policy still predicts what people wrote."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.tables.demonstrations import Demonstration
from storage.tables.scores import Score
from tasks.evaluation.metrics import DEMONSTRATION_NATS, DEMONSTRATION_TOKENS
from tasks.evaluation.token_limits import token_limits
from tasks.sampling.params import SamplingParams

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel


@dataclass(frozen=True, slots=True)
class DemonstrationScores:
    """Nats and tokens of each demonstration; `num_skipped` had no token that fits the model."""

    scores: tuple[Score, ...]
    num_skipped: int


def demonstration_scores(
    loaded: "LoadedModel",
    demonstrations: Sequence[Demonstration],
    params: SamplingParams,
    *,
    policy_id: str,
    batch_size: int = 32,
) -> DemonstrationScores:
    """Return for each demonstration -log pi(completion | prompt) in nats, and its tokens.

    Both are sums over the completion with its end token; a completion longer than the sampling
    limits is scored up to there. `item` counts the demonstrations of a prompt.
    """
    from tasks.sampling.encoding import encode
    from tasks.sampling.logps import sequence_logps

    limits = token_limits(loaded, params)
    encoded = [
        encode(
            row.messages,
            row.completion,
            loaded.tokenizer,
            max_prompt_tokens=limits.prompt,
            max_tokens=limits.both,
        )
        for row in demonstrations
    ]
    fitting = [index for index, row in enumerate(encoded) if not row.is_empty]
    logps = sequence_logps(loaded, [encoded[index] for index in fitting], batch_size=batch_size)
    items: Counter[str] = Counter()
    scores: list[Score] = []
    for index, logp in zip(fitting, logps, strict=True):
        prompt_id = demonstrations[index].prompt_id
        num_tokens = float(len(encoded[index].completion_ids))
        scores += [
            Score(
                policy_id=policy_id,
                prompt_id=prompt_id,
                item=items[prompt_id],
                metric=metric,
                value=value,
            )
            for metric, value in ((DEMONSTRATION_NATS, -logp), (DEMONSTRATION_TOKENS, num_tokens))
        ]
        items[prompt_id] += 1
    return DemonstrationScores(scores=tuple(scores), num_skipped=len(encoded) - len(fitting))
