"""What the policy knows about each token of an answer: its log-probability and its value."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tasks.sampling.logps import TokenBatch


class ValueHead(torch.nn.Module):
    """Predicts from a hidden state of the policy what the rest of the answer will earn.

    It starts at 0 everywhere, so the first advantages are plain returns, and the first value loss
    moves the head alone. The body is the policy's own.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(hidden_size, 1)
        torch.nn.init.zeros_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Return the values [batch, tokens] of states [batch, tokens, hidden], in float32."""
        with torch.autocast(states.device.type, enabled=False):
            values: Tensor = self.linear(states.float()).squeeze(-1)
        return values


@dataclass(frozen=True, slots=True)
class TokenScores:
    """Log-probability, entropy (both in nats) and value before each completion token.

    Tensors of shape [batch, completion], 0 outside the completions.
    """

    logps: Tensor
    entropies: Tensor
    values: Tensor


def score_tokens(
    model: torch.nn.Module, head: ValueHead, batch: TokenBatch, *, temperature: float
) -> TokenScores:
    """Return the scores of a batch under the policy that samples at `temperature`.

    One pass through `model.forward`; the LM head runs on completion positions only. The value
    beside a token is that of the state which predicts it.
    """
    output = _pass(model, batch, states=True)
    distributions = _distributions(output, batch, temperature)
    entropies = -(distributions.exp() * distributions).sum(dim=-1)
    outside = ~batch.completion_mask
    states = output.hidden_states[-1][:, -1 - outside.shape[1] : -1]
    return TokenScores(
        logps=_drawn(distributions, batch),
        entropies=entropies.masked_fill(outside, 0.0),
        values=head(states).masked_fill(outside, 0.0),
    )


def token_logps(model: torch.nn.Module, batch: TokenBatch, *, temperature: float) -> Tensor:
    """Return the log-probabilities of `score_tokens` alone, [batch, completion]."""
    return _drawn(_distributions(_pass(model, batch, states=False), batch, temperature), batch)


def _pass(model: torch.nn.Module, batch: TokenBatch, *, states: bool) -> Any:
    return model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        position_ids=batch.position_ids,
        logits_to_keep=batch.completion_mask.shape[1] + 1,
        output_hidden_states=states,
        use_cache=False,
    )


def _distributions(output: Any, batch: TokenBatch, temperature: float) -> Tensor:
    """Return log pi(. | prompt, earlier tokens) at each completion position in float32."""
    length = batch.completion_mask.shape[1]
    logits: Tensor = output.logits[:, -1 - length : -1].float()
    return (logits / temperature).log_softmax(dim=-1)


def _drawn(distributions: Tensor, batch: TokenBatch) -> Tensor:
    """Return the log-probability of each token that was drawn."""
    targets = batch.input_ids[:, -distributions.shape[1] :].unsqueeze(-1)
    chosen = distributions.gather(-1, targets).squeeze(-1)
    return chosen.masked_fill(~batch.completion_mask, 0.0)
