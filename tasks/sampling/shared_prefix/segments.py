"""Attention over a packed row by blocks: each prompt once, each response against prompt and self."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import scaled_dot_product_attention
from typing_extensions import override

from tasks.sampling.shared_prefix.packed_batch import PackedBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Where the blocks of a packed row are; see `PackedBatch`.

    `response_mask` says which of its prompt's slots and its own slots a response's token sees. Its
    first axis has length 1 where all prompts are of one length.
    """

    prompt_slots: Int[Tensor, "prompts most_prompt"]
    response_slots: Int[Tensor, "responses most_response"]
    prompt_rows: Int[Tensor, " responses"]
    unslot: Int[Tensor, " tokens"]
    response_mask: Bool[Tensor, "rows 1 most_response most_seen"]


def segments_of(batch: PackedBatch) -> Segments:
    """Return the blocks of a packed batch, once per forward for all its layers."""
    return Segments(
        prompt_slots=batch.prompt_slots,
        response_slots=batch.response_slots,
        prompt_rows=batch.prompt_rows,
        unslot=batch.unslot,
        response_mask=_response_mask(batch),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attending:
    """How queries, keys and values are combined."""

    dropout: float
    scaling: float | None


def attend(
    query: Float[Tensor, "1 heads tokens size"],
    key: Float[Tensor, "1 key_heads tokens size"],
    value: Float[Tensor, "1 key_heads tokens size"],
    segments: Segments,
    how: Attending,
) -> Float[Tensor, "1 tokens heads size"]:
    """Return the attention of each token to its prompt's tokens before it and its own segment's.

    Prompts attend causally among themselves; each response attends to its prompt and, causally,
    to itself: the products of exactly the pairs that count, but for padding within blocks. The
    prompt's keys and values repeated for each response are not kept for the backward pass but
    repeated again: at 12 responses they would be the largest activation of a layer.
    """
    blocks = [_Blocks.apply(x, segments) for x in (query, key, value)]
    prompt = [of_prompts for of_prompts, _ in blocks]
    response = [of_responses for _, of_responses in blocks]
    of_responses = _of_responses(response, prompt, segments, how)
    of_prompts = scaled_dot_product_attention(
        prompt[0],
        _for_all_heads(prompt[1], query.shape[1]),
        _for_all_heads(prompt[2], query.shape[1]),
        dropout_p=how.dropout,
        is_causal=True,
        scale=how.scaling,
    )
    return _tokens(of_prompts, of_responses, segments).unsqueeze(0)


def _of_responses(
    response: list[Tensor], prompt: list[Tensor], segments: Segments, how: Attending
) -> Tensor:
    """Return the attention of the responses' blocks, [responses, heads, most_response, size].

    Both lists hold queries, keys and values.
    """
    query, *own = response

    def seen(theirs: Tensor, mine: Tensor) -> Tensor:
        both = torch.cat([_for_responses(theirs, segments.prompt_rows), mine], dim=2)
        return _for_all_heads(both, query.shape[1])

    makers = [partial(seen, theirs, mine) for theirs, mine in zip(prompt[1:], own, strict=True)]
    key, value = (make() for make in makers)
    with _made_again(dict(zip(map(_known_by, (key, value)), makers, strict=True))):
        return scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=segments.response_mask,
            dropout_p=how.dropout,
            scale=how.scaling,
        )


@contextmanager
def _made_again(makers: Mapping[tuple[Any, ...], Callable[[], Tensor]]) -> Iterator[None]:
    """Let the backward pass make tensors again that the forward would keep for it."""

    def keep(tensor: Tensor) -> Tensor | Callable[[], Tensor]:
        return makers.get(_known_by(tensor), tensor)

    def take(kept: Tensor | Callable[[], Tensor]) -> Tensor:
        return kept if isinstance(kept, Tensor) else kept()

    with saved_tensors_hooks(keep, take):
        yield


def _known_by(tensor: Tensor) -> tuple[Any, ...]:
    """Return what tells a tensor from others and from other views of itself, as a transposed one."""
    return tensor.data_ptr(), tensor.shape, tensor.stride()


class _Blocks(torch.autograd.Function):
    """The padded blocks [rows, heads, most tokens, size] of prompts and of responses.

    Each token stands in one slot, so its gradient is looked up; autograd, which does not know
    that, would add up gradients slot by slot. Slots that pad are seen by nobody.
    """

    @staticmethod
    @override
    def forward(ctx: Any, x: Tensor, segments: Segments) -> tuple[Tensor, ...]:
        """Return the blocks of `x` [1, heads, tokens, size]."""
        ctx.segments = segments
        tokens = x[0].transpose(0, 1)
        return tuple(
            tokens.index_select(0, slots.flatten()).unflatten(0, slots.shape).transpose(1, 2)
            for slots in (segments.prompt_slots, segments.response_slots)
        )

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of `x`."""
        of_prompts, of_responses = grad_outputs
        tokens = _tokens(of_prompts, of_responses, ctx.segments)
        return tokens.transpose(0, 1).unsqueeze(0), None


def _tokens(of_prompts: Tensor, of_responses: Tensor, segments: Segments) -> Tensor:
    """Return [tokens, heads, size], each token from its slot in the blocks."""
    slots = [blocks.transpose(1, 2).flatten(end_dim=1) for blocks in (of_prompts, of_responses)]
    return torch.cat(slots).index_select(0, segments.unslot)


def _for_responses(x: Tensor, prompt_rows: Tensor) -> Tensor:
    """Return a prompt's keys or values for each of its responses."""
    if len(x) == 1:  # without a copy, and with a gradient that is one sum
        return x.expand(len(prompt_rows), -1, -1, -1)
    return x.index_select(0, prompt_rows)


def _for_all_heads(x: Tensor, num_heads: int) -> Tensor:
    """Return keys or values repeated so that each query head has its own."""
    return x if x.shape[1] == num_heads else x.repeat_interleave(num_heads // x.shape[1], dim=1)


def _response_mask(batch: PackedBatch) -> Tensor:
    most_prompt, most_response = batch.prompt_slots.shape[1], batch.response_slots.shape[1]
    device = batch.input_ids.device
    lengths = batch.prompt_lengths[batch.prompt_rows]
    if batch.prompt_lengths.numel() == 1:  # known without asking the device
        lengths = lengths[:1]
    prompt = torch.arange(most_prompt, device=device) < lengths.unsqueeze(-1)
    own = torch.ones(most_response, most_response, dtype=torch.bool, device=device).tril()
    return torch.cat(
        [
            prompt[:, None, None].expand(-1, 1, most_response, -1),
            own.expand(len(prompt), 1, -1, -1),
        ],
        dim=-1,
    )
