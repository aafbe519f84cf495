"""Perplexity with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.evaluation.estimate import Interval, Values, interval_from_influences, sums_by_prompt


@dataclass(frozen=True, slots=True)
class PromptNats:
    """Nats and tokens of each prompt's demonstrations, prompts in sorted order."""

    prompt_ids: tuple[str, ...]
    nats: Values
    tokens: Values
    num_demonstrations: int


def prompt_nats(
    prompt_ids: Sequence[str], nats: Sequence[float], tokens: Sequence[float]
) -> PromptNats:
    """Return the sums over each prompt's demonstrations, one entry of each argument a demonstration.

    Raises:
        ValueError: as `sums_by_prompt`.
    """
    summed = sums_by_prompt(prompt_ids, nats)
    return PromptNats(
        summed.prompt_ids, summed.sums, sums_by_prompt(prompt_ids, tokens).sums, len(nats)
    )


def estimate_perplexity(of: PromptNats) -> Interval:
    """Return exp of nats per token, the mean over tokens and not over texts.

    The interval is exp of that of nats per token, a ratio of two sums over prompts (linearised,
    Cochran 1977 section 6.4), so it is positive and not symmetric; `stderr` is the delta method's.
    """
    rate = float(of.nats.sum() / of.tokens.sum())
    log = interval_from_influences(rate, _influences(of), of.num_demonstrations)
    perplexity = float(np.exp(rate))
    return Interval(
        value=perplexity,
        low=float(np.exp(log.low)),
        high=float(np.exp(log.high)),
        stderr=perplexity * log.stderr,
        num_prompts=log.num_prompts,
        num_samples=log.num_samples,
    )


def estimate_perplexity_difference(policy: PromptNats, baseline: PromptNats) -> Interval | None:
    """Return perplexity of the policy minus that of the baseline on the same demonstrations.

    By the delta method, clustered by prompt. None where the two did not score the same tokens:
    perplexities under different tokenizers cannot be compared.
    """
    same = policy.prompt_ids == baseline.prompt_ids
    if not same or not np.array_equal(policy.tokens, baseline.tokens):
        return None
    mine, theirs = (float(np.exp(row.nats.sum() / row.tokens.sum())) for row in (policy, baseline))
    influences = mine * _influences(policy) - theirs * _influences(baseline)
    return interval_from_influences(mine - theirs, influences, policy.num_demonstrations)


def _influences(of: PromptNats) -> Values:
    """Return what each prompt contributes to the error of nats per token."""
    rate = of.nats.sum() / of.tokens.sum()
    influences: Values = (of.nats - rate * of.tokens) / of.tokens.sum()
    return influences
