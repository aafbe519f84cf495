"""Log-probabilities of responses from a packed batch."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from tasks.sampling.entropy import EntropyProbe
from tasks.sampling.shared_prefix.masks import block_mask, dense_mask
from tasks.sampling.shared_prefix.packed_batch import PackedBatch
from tasks.sampling.shared_prefix.scored_head import scored_head, unwrapped
from tasks.sampling.shared_prefix.segments import segments_of

AttentionPath = Literal["segments", "flex", "dense"]
"""`segments` computes block by block with SDPA, `flex` uses FlexAttention's block mask, `dense`
gives any attention a full mask."""

_FLEX_BLOCK = 128  # tokens of a block; a row of whole blocks keeps compiled kernels few


def packed_token_logps(
    model: torch.nn.Module,
    batch: PackedBatch,
    path: AttentionPath,
    probe: EntropyProbe | None = None,
) -> Float[Tensor, " scored"]:
    """Return log pi(target | prompt, earlier response tokens) in nats of each scored token.

    Everything goes through the model's forward; only scored tokens pass through the LM head.
    Gradients flow unless the caller turned them off. A `probe` measures the entropy on the side.
    """
    call = _CALLS[path](model, batch)
    with scored_head(model, call.scored, batch.targets, probe):
        logps = model(**call.arguments, use_cache=False).logits
    return logps.reshape(-1)


def packed_logps(
    model: torch.nn.Module,
    batch: PackedBatch,
    path: AttentionPath,
    probe: EntropyProbe | None = None,
) -> Float[Tensor, " responses"]:
    """Return log pi(response | prompt) in nats, summed over the response's tokens."""
    logps = packed_token_logps(model, batch, path, probe)
    owners = batch.response_of.index_select(0, batch.scored)
    return logps.new_zeros(len(batch.prompt_rows)).index_add(0, owners, logps)


@dataclass(frozen=True, slots=True)
class _Call:
    """What the model is called with, and where the scored tokens then are."""

    arguments: dict[str, Any]
    scored: Tensor


def _segments_call(_model: torch.nn.Module, batch: PackedBatch) -> _Call:
    # a mask with four axes is taken as made, so transformers does not build one from positions
    ready = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=batch.input_ids.device)
    arguments = {
        "input_ids": batch.input_ids,
        "position_ids": batch.position_ids,
        "attention_mask": ready,
        "prefix_segments": segments_of(batch),
    }
    return _Call(arguments, batch.scored)


def _flex_call(_model: torch.nn.Module, batch: PackedBatch) -> _Call:
    rest = (0, -batch.input_ids.shape[1] % _FLEX_BLOCK)
    # tokens that fill the last block see each other only: prompt -1 is nobody's
    mask = block_mask(pad(batch.prompt_of, rest, value=-1), pad(batch.response_of, rest, value=-1))
    arguments = {
        "input_ids": pad(batch.input_ids, rest),
        "position_ids": pad(batch.position_ids, rest),
        "attention_mask": mask,
    }
    return _Call(arguments, batch.scored)


def _dense_call(model: torch.nn.Module, batch: PackedBatch) -> _Call:
    """Return a call with one padded row per prompt, for a mask of moderate size."""
    sizes = batch.prompt_of.bincount().tolist()

    def rows(flat: Tensor, filler: int) -> Tensor:
        return pad_sequence(flat.split(sizes), batch_first=True, padding_value=filler)

    prompt_of, response_of = rows(batch.prompt_of, -1), rows(batch.response_of, -1)
    mask = dense_mask(prompt_of, response_of)
    inner: Any = unwrapped(model)
    if inner.config._attn_implementation == "eager":  # noqa: SLF001
        dtype = next(inner.parameters()).dtype  # it adds its mask to the scores
        mask = torch.where(mask, 0.0, torch.finfo(dtype).min).to(dtype)
    places = (prompt_of != -1).flatten().nonzero().squeeze(-1)
    arguments = {
        "input_ids": rows(batch.input_ids[0], 0),
        "position_ids": rows(batch.position_ids[0], 0),
        "attention_mask": mask,
    }
    return _Call(arguments, places[batch.scored])


_CALLS = {"segments": _segments_call, "flex": _flex_call, "dense": _dense_call}
