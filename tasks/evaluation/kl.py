"""How far a policy has moved from its reference, in nats per answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.scores import Score
from tasks.evaluation.metrics import KL, KL_EXACT
from tasks.evaluation.token_limits import token_limits
from tasks.sampling.params import SamplingParams

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel


@dataclass(frozen=True, slots=True)
class KLScores:
    """Two scores per answer.

    `num_skipped` answers had no token that could be scored. `num_retokenized` answers are written
    with another number of tokens than they were drawn with: their KL is that of the same text on
    another path through the tokenizer, which the drawn tokens' KL is close to but not equal to.
    """

    scores: tuple[Score, ...]
    num_skipped: int
    num_retokenized: int


def kl_scores(
    policy: "LoadedModel",
    reference: "LoadedModel",
    prompts: Iterable[Prompt],
    completions: Sequence[Completion],
    params: SamplingParams,
    *,
    batch_size: int = 32,
) -> KLScores:
    """Return KL(policy || reference) of each answer of the policy, sampled and exact.

    Both are sums over the answer's tokens, its end token included, and are never clamped; see
    `tasks.sampling.logps.SequenceKL`. The answer's text is tokenised again, because completions
    are stored as text; trained policies seldom draw a text in other tokens (about 1 in 20 answers
    of 40 tokens for a 260k-parameter model), untrained ones nearly always do, so their KL would be
    that of other sequences.

    Raises:
        InputError: answers that were not drawn from the policy itself (temperature or top_p other
            than 1): their mean is no KL divergence.
        ValueError: a completion of a prompt that is not given.
    """
    from tasks.sampling.encoding import encode
    from tasks.sampling.logps import sequence_kls

    _check_drawn_from_policy(params)
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    unknown = [row.prompt_id for row in completions if row.prompt_id not in by_id]
    if unknown:
        raise ValueError(f"{len(unknown)} completions of prompts that are not given: {unknown[:3]}")
    limits = token_limits(policy, params)
    encoded = [
        encode(
            by_id[row.prompt_id].messages,
            row.text,
            policy.tokenizer,
            max_prompt_tokens=limits.prompt,
            max_tokens=limits.both,
            ended=row.finish_reason == "stop",
        )
        for row in completions
    ]
    scored = [(row, ids) for row, ids in zip(completions, encoded, strict=True) if not ids.is_empty]
    kls = sequence_kls(policy, reference, [ids for _, ids in scored], batch_size=batch_size)
    scores = tuple(
        Score(
            policy_id=row.policy,
            prompt_id=row.prompt_id,
            completion_id=row.completion_id,
            metric=metric,
            value=value,
        )
        for (row, _), kl in zip(scored, kls, strict=True)
        for metric, value in ((KL, kl.sampled), (KL_EXACT, kl.exact))
    )
    return KLScores(
        scores=scores,
        num_skipped=len(completions) - len(scored),
        num_retokenized=sum(len(ids.completion_ids) != row.num_tokens for row, ids in scored),
    )


def _check_drawn_from_policy(params: SamplingParams) -> None:
    if params.temperature != 1 or params.top_p != 1:
        raise InputError(
            f"KL needs answers drawn at temperature 1 and top_p 1, and these are drawn at "
            f"{params.temperature:g} and {params.top_p:g}; set evaluate.temperature=1 and "
            "evaluate.top_p=1, or leave KL out"
        )
