"""Log-probabilities of tokens from hidden states, a few tokens' logits at a time."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import linear
from torch.utils.checkpoint import checkpoint
from typing_extensions import override

CHUNK_LOGITS = 2**23
"""Logits that are held at once: 32 MiB in float32, 166 tokens of a vocabulary of 50,257."""


def token_logps(
    hidden: Float[Tensor, "tokens width"], head: torch.nn.Module, targets: Int[Tensor, " tokens"]
) -> Float[Tensor, " tokens"]:
    """Return log softmax(head(hidden))[target] in nats, float32.

    Only a chunk of the logits exists at any time: the backward pass computes them again. The
    arithmetic is that of autocast where it is on.
    """
    if type(head) is torch.nn.Linear:
        weight: Tensor = head.weight
        bias: Tensor | None = head.bias
        if torch.is_autocast_enabled(hidden.device.type):
            dtype = torch.get_autocast_dtype(hidden.device.type)
            hidden, weight = hidden.to(dtype), weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        chunk = max(1, CHUNK_LOGITS // weight.shape[0])
        return _LinearTokenLogps.apply(hidden, weight, bias, targets, chunk)
    width = getattr(head, "out_features", None) or CHUNK_LOGITS // 128
    chunk = max(1, CHUNK_LOGITS // width)
    return torch.cat(
        [
            checkpoint(_chosen, head, part, wanted, use_reentrant=False)
            for part, wanted in zip(hidden.split(chunk), targets.split(chunk), strict=True)
        ]
    )


def _chosen(head: torch.nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    """Return the log-probabilities under a head of any kind, such as one with an adapter."""
    logits = head.forward(hidden).float()  # not called: hooks on the head are not meant here
    return logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(dim=-1)


class _LinearTokenLogps(torch.autograd.Function):
    """Token log-probabilities under a linear head."""

    @staticmethod
    @override
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, chunk: int
    ) -> Tensor:
        """Return the log-probabilities [tokens]; keep the normalisers, not the logits."""
        logps, normalisers = [], []
        logits = None
        for part, wanted in zip(hidden.split(chunk), targets.split(chunk), strict=True):
            del logits  # before the next chunk's are made, not after
            logits = linear(part, weight, bias).float()
            normalisers.append(logits.logsumexp(dim=-1))
            chosen = logits.gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
            logps.append(chosen - normalisers[-1])
        ctx.save_for_backward(hidden, weight, bias, targets, torch.cat(normalisers))
        ctx.chunk = chunk
        return torch.cat(logps)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of hidden states, weight and bias.

        d logp / d logits = onehot(target) - softmax(logits).
        """
        hidden, weight, bias, *per_token = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden)
        wants_weight, wants_bias = ctx.needs_input_grad[1:3]
        grad_weight = torch.zeros_like(weight, dtype=torch.float32) if wants_weight else None
        grad_bias = torch.zeros_like(bias, dtype=torch.float32) if wants_bias else None
        parts = (x.split(ctx.chunk) for x in (hidden, grad_hidden, *per_token, grad_outputs[0]))
        slope = None
        for part, out, wanted, normaliser, grad in zip(*parts, strict=True):
            del slope
            slope = linear(part, weight, bias).float()
            slope.sub_(normaliser.unsqueeze(-1)).exp_().mul_(-grad.unsqueeze(-1))
            slope.scatter_add_(-1, wanted.unsqueeze(-1), grad.unsqueeze(-1))
            if grad_bias is not None:
                grad_bias += slope.sum(dim=0)
            slope = slope.to(hidden.dtype)
            out.copy_(slope @ weight)
            if grad_weight is not None and part.dtype == torch.float32:
                grad_weight.addmm_(slope.t(), part)  # without a second matrix of this size
            elif grad_weight is not None:
                grad_weight += slope.t() @ part
        return (
            grad_hidden,
            None if grad_weight is None else grad_weight.to(weight.dtype),
            None if grad_bias is None else grad_bias.to(bias.dtype),
            None,
            None,
        )
