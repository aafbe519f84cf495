"""What the policy knows about each token of an answer: its log-probability and its value."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from tasks.sampling.entropy import EntropyProbe
from tasks.sampling.logps import TokenBatch
from tasks.sampling.shared_prefix.packed_batch import PackedBatch
from tasks.sampling.shared_prefix.packed_logps import AttentionPath, packed_token_logps
from tasks.training.losses.masked import masked_mean
from tasks.training.ppo.value_head import ValueHead


@dataclass(frozen=True, slots=True)
class TokenScores:
    """Log-probability in nats and value before each token of some answers.

    Tensors of shape [answers, tokens], 0 outside the answers. The value beside a token is that of the state which predicts it. `entropy`, a scalar, is the mean
    entropy of the next-token distributions, in nats a token.
    """

    logps: Tensor
    values: Tensor
    entropy: Tensor


def padded_scores(
    model: torch.nn.Module, head: ValueHead, batch: TokenBatch, *, temperature: float
) -> TokenScores:
    """Return the scores of a padded batch under the policy that samples at `temperature`.

    One pass through `model.forward`; the LM head runs on completion positions only. A gradient
    flows through the entropy too.
    """
    output = _pass(model, batch, states=True)
    distributions = _distributions(output, batch, temperature)
    mask = batch.completion_mask
    states = output.hidden_states[-1][:, -1 - mask.shape[1] : -1]
    return TokenScores(
        logps=_drawn(distributions, batch),
        values=head(states).masked_fill(~mask, 0.0),
        entropy=masked_mean(-(distributions.exp() * distributions).sum(dim=-1), mask),
    )


def padded_logps(model: torch.nn.Module, batch: TokenBatch, *, temperature: float) -> Tensor:
    """Return the log-probabilities of `padded_scores` alone."""
    return _drawn(_distributions(_pass(model, batch, states=False), batch, temperature), batch)


def packed_scores(
    model: torch.nn.Module,
    head: ValueHead,
    batch: PackedBatch,
    mask: Tensor,
    path: AttentionPath,
) -> TokenScores:
    """Return the scores of a packed batch at temperature 1; `mask` [answers, tokens] has a row for each response.

    The entropy is that of a sample of the tokens, and has no gradient. The LM head's logits exist
    a few tokens at a time.
    """
    probe = _StatesProbe()
    logps = packed_token_logps(model, batch, path, probe)
    return TokenScores(
        logps=_in_rows(logps, mask),
        values=_in_rows(head(probe.states), mask),
        entropy=logps.new_zeros(()) if probe.value is None else probe.value,
    )


def packed_answer_logps(
    model: torch.nn.Module,
    batch: PackedBatch,
    mask: Tensor,
    path: AttentionPath,
) -> Tensor:
    """Return the log-probabilities of `packed_scores` alone."""
    return _in_rows(packed_token_logps(model, batch, path), mask)


class _StatesProbe(EntropyProbe):
    """Keeps the hidden states that pass into the LM head, [scored, width]."""

    states: Tensor

    @override
    def look(self, hidden: Tensor, head: torch.nn.Module) -> None:
        """Keep the hidden states, and measure the entropy."""
        self.states = hidden
        super().look(hidden, head)


def _in_rows(scored: Tensor, mask: Tensor) -> Tensor:
    """Return the figures of the scored tokens, response after response, in the rows of `mask`."""
    return scored.new_zeros(mask.shape).masked_scatter(mask, scored)


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
