"""Positions that do not count padding."""

from typing import Any

import torch


def count_positions_from_prompt(model: torch.nn.Module) -> None:
    """Make `model` number each row's tokens from 0, wherever its padding is.

    TRL 1.16 pads prompts on the left and passes no positions to the models that it scores answers
    with, so models with learned positions (GPT-2) would score other positions than they answered at.
    """
    model.register_forward_pre_hook(_with_positions, with_kwargs=True)


def _with_positions(
    _: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    mask = kwargs.get("attention_mask")
    known = kwargs.get("position_ids") is not None or kwargs.get("past_key_values") is not None
    if known or not torch.is_tensor(mask) or mask.ndim != 2:  # noqa: PLR2004 batch and tokens
        return args, kwargs
    return args, {**kwargs, "position_ids": (mask.long().cumsum(dim=1) - 1).clamp(min=0)}
