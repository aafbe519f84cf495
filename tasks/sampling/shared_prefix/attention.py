"""The attention function that transformers calls for packed and for ordinary rows."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.flex_attention import flex_attention_forward
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from tasks.sampling.shared_prefix.segments import Attending, Segments, attend

ATTENTION = "shared_prefix"


def shared_prefix_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | BlockMask | None,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    prefix_segments: Segments | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """Return the attention output [batch, tokens, heads, size] and no weights.

    A packed forward brings its segments as a keyword argument of the model, which transformers
    hands down to every layer: they belong to that one forward, whichever thread runs it, and are
    still there when activation checkpointing runs a layer again. A block mask goes to
    FlexAttention. Any other call is ordinary SDPA, so a model can keep this attention for good.

    Raises:
        ValueError: a packed call asks for a soft cap, sinks or a position bias.
    """
    if prefix_segments is None:
        flex = isinstance(attention_mask, BlockMask)
        forward: Any = flex_attention_forward if flex else sdpa_attention_forward
        return forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
    for name in ("softcap", "s_aux", "position_bias"):
        if kwargs.get(name) is not None:
            raise ValueError(f"shared-prefix attention does not know the model's {name}")
    how = Attending(dropout=dropout, scaling=scaling)
    return attend(query, key, value, prefix_segments, how), None


AttentionInterface.register(ATTENTION, shared_prefix_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
