"""How undecided a policy is about its next token, measured on the side."""

import torch
from jaxtyping import Float
from torch import Tensor

MOST_TOKENS = 64
"""Tokens of a batch whose distributions are looked at, so that looking costs next to nothing: all of
1,024 tokens of a vocabulary of 50,257 would take an eighth of a step of a small model. The mean's
standard error is an eighth of the spread between tokens."""


def mean_entropy(logits: Float[Tensor, "tokens vocab"]) -> Tensor:
    """Return the mean entropy of softmax(logits) in nats a token, float32, without a gradient."""
    with torch.no_grad():
        logps = logits.detach().float().log_softmax(dim=-1)
        return -(logps.exp() * logps).sum(dim=-1).mean()


def spread_places(num_tokens: int, device: torch.device) -> Tensor:
    """Return at most `MOST_TOKENS` of the places 0 to `num_tokens` - 1, evenly spread."""
    stride = -(-num_tokens // MOST_TOKENS)
    return torch.arange(0, num_tokens, max(1, stride), device=device)


class EntropyProbe:
    """Looks at some of the hidden states that pass into an LM head.

    `value` is the mean entropy of their next-token distributions, None before the first look. No
    gradient flows, and the logits of the few tokens are gone when the look is over.
    """

    def __init__(self) -> None:
        self.value: Tensor | None = None

    def look(self, hidden: Float[Tensor, "tokens width"], head: torch.nn.Module) -> None:
        """Measure `head` on at most `MOST_TOKENS` of the hidden states."""
        with torch.no_grad():
            states = hidden.detach().index_select(0, spread_places(len(hidden), hidden.device))
            # not called: hooks on the head are not meant here
            self.value = mean_entropy(head.forward(states))
