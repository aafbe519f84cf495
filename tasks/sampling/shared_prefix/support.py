"""Whether a model can read a packed row, and by which attention."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import collate, per_token_logps
from tasks.sampling.shared_prefix.attention import ATTENTION
from tasks.sampling.shared_prefix.packed_batch import pack_responses
from tasks.sampling.shared_prefix.packed_logps import AttentionPath, packed_token_logps
from tasks.sampling.shared_prefix.scored_head import unwrapped

_TOLERANCE = 1e-3  # nats a token in float32; a wrong mask or position is off by far more
_LOW_PRECISION_TOLERANCE = 0.1  # in bfloat16 and in TF32 products
_LAYERS = {"full_attention", "sliding_attention"}
_SHAPES = ((3, (4, 1, 3)), (5, (2,)), (1, (3, 5)))  # prompt length, lengths of its responses


@dataclass(frozen=True, slots=True)
class SharedPrefixSupport:
    """How a model reads packed rows: `path`, or None and the `reason` why it cannot."""

    path: AttentionPath | None
    reason: str = ""


def supports_shared_prefix(model: torch.nn.Module, *, max_tokens: int) -> SharedPrefixSupport:
    """Return by which attention `model` reads packed rows, tried on a few tokens.

    The model gets our attention function where its architecture takes one, which computes
    ordinary rows as SDPA does. `max_tokens` is the longest prompt with one response: a sliding
    window that holds as many never cuts anything.
    """
    inner: Any = unwrapped(model)
    base: Any = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
    reason = _obstacle(base, max_tokens)
    if reason:
        return SharedPrefixSupport(path=None, reason=reason)
    before = base.config._attn_implementation  # noqa: SLF001
    for path in _paths(base):
        base.set_attn_implementation(before if path == "dense" else ATTENTION)
        reason = _difference(model, path)
        if not reason:
            return SharedPrefixSupport(path=path)
    base.set_attn_implementation(before)
    return SharedPrefixSupport(path=None, reason=reason)


def _obstacle(base: Any, max_tokens: int) -> str:
    """Return what in the model's description rules packed rows out, or nothing."""
    config = base.config.get_text_config()
    name = type(base).__name__
    if "position_ids" not in inspect.signature(base.forward).parameters:
        return f"{name} takes no position ids"
    others = set(getattr(config, "layer_types", None) or ()) - _LAYERS
    if others:
        return f"{name} has layers of the kind {', '.join(sorted(others))}"
    window = getattr(config, "sliding_window", None)
    if window is not None and window < max_tokens:
        return f"{name} attends to a sliding window of {window} tokens, below {max_tokens}"
    if getattr(config, "alibi", False):
        return f"{name} reads positions off the distance of tokens in the row (ALiBi)"
    return ""


def _paths(base: Any) -> tuple[AttentionPath, ...]:
    if not base._can_set_attn_implementation():  # noqa: SLF001
        return ("dense",)
    config = base.config.get_text_config()
    # FlexAttention refuses dropout in training, which a trial in eval mode would not show
    dropout = any(getattr(config, name, 0) for name in ("attention_dropout", "attn_pdrop"))
    on_cuda = next(base.parameters()).device.type == "cuda"
    return ("flex", "segments", "dense") if on_cuda and not dropout else ("segments", "dense")


def _difference(model: torch.nn.Module, path: AttentionPath) -> str:
    """Return in words how packed log-probabilities differ from those of padded rows, or nothing."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            packed, padded = _both(model, path)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        return f"a packed row fails with {type(error).__name__}: {first_line}"
    finally:
        model.train(training)
    gap = float((packed - padded).abs().max())
    parameter = next(model.parameters())
    exact = parameter.dtype == torch.float32 and parameter.device.type == "cpu"
    if gap <= (_TOLERANCE if exact else _LOW_PRECISION_TOLERANCE):
        return ""
    return f"log-probabilities of a packed row differ from those of padded rows by {gap:.2g} nats"


def _both(model: torch.nn.Module, path: AttentionPath) -> tuple[Tensor, Tensor]:
    """Return the token log-probabilities of the same rows, packed and padded."""
    device = next(model.parameters()).device
    inner: Any = unwrapped(model)
    groups = _probe(inner.config.get_text_config().vocab_size)
    batch = collate([row for group in groups for row in group], pad_token_id=0).to(device)
    padded = per_token_logps(model, batch)[batch.completion_mask]
    return packed_token_logps(model, pack_responses(groups).to(device), path), padded


def _probe(vocab_size: int) -> list[list[Encoded]]:
    """Return a few rows of arbitrary, spread-out tokens."""
    numbers = iter(range(3, 1000))

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(next(numbers) * 7919 % vocab_size for _ in range(count))

    groups = []
    for prompt_length, lengths in _SHAPES:
        prompt = tokens(prompt_length)
        groups.append([Encoded(prompt_ids=prompt, completion_ids=tokens(n)) for n in lengths])
    return groups
