"""How many tokens of a prompt and of an answer are scored."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.sampling.params import SamplingParams

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel

SLACK = 2
"""A text can be written with more tokens than it was drawn with, seldom with twice as many."""


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """Longest prompt, and longest prompt plus answer, in tokens."""

    prompt: int
    both: int


def token_limits(loaded: "LoadedModel", params: SamplingParams) -> TokenLimits:
    """Return the limits under which `params` let the model sample, with room for retokenisation.

    The prompt keeps the length that it had while sampling, so an answer is scored behind the very
    prompt that it was drawn behind.
    """
    context = getattr(loaded.model.config, "max_position_embeddings", None)
    if context is None:
        return TokenLimits(
            params.max_prompt_tokens, params.max_prompt_tokens + SLACK * params.max_tokens
        )
    prompt = min(params.max_prompt_tokens, int(context) - params.max_tokens)
    return TokenLimits(prompt, min(int(context), prompt + SLACK * params.max_tokens))
