"""A policy's weights with its adapter added to them."""

from collections.abc import Iterator, Mapping

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import Tensor

from tasks.training.adapters.lora_model import POLICY_ADAPTER, base_of

_BASE = "base_model.model."  # what peft puts before all names, and before those that it wraps
_WRAPPED = ".base_layer."


def merged_state(model: PeftModel, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the base's weights with the adapter added, under the names that it has without peft.

    `state` is the state dict of `model`, gathered if it is held in pieces. It is not changed; weights
    without an adapter are not copied.
    """
    layers = _layers(model)
    merged: dict[str, Tensor] = {}
    for full_name, value in state.items():
        name = full_name.removeprefix(_BASE)
        owner = next((outer for outer in _around(name) if outer in layers), None)
        if owner is None or name.startswith(owner + _WRAPPED):
            merged[name.replace(_WRAPPED, ".")] = value
    for name, delta in deltas(model, state):
        merged[name] = merged[name] + delta.to(merged[name])
    return merged


def deltas(model: PeftModel, state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield what the adapter adds to each weight that it has a part in: B A lora_alpha / rank.

    Names are those without peft; `state` is as for `merged_state`.
    """
    for name, layer in _layers(model).items():
        if POLICY_ADAPTER not in layer.scaling:
            continue  # only a reference's adapter has a part in this one
        down, up = (
            state[f"{_BASE}{name}.{matrix}.{POLICY_ADAPTER}.weight"].detach().float()
            for matrix in ("lora_A", "lora_B")
        )
        delta = (up @ down) * layer.scaling[POLICY_ADAPTER]
        # GPT-2's layers keep their weights the other way round
        yield f"{name}.weight", delta.T if getattr(layer, "fan_in_fan_out", False) else delta


def is_full_precision(model: PeftModel) -> bool:
    """Return whether the base's weights are float32, so that adding to them loses nothing."""
    return all(value.dtype == torch.float32 for value in base_of(model).parameters())


def _layers(model: PeftModel) -> dict[str, LoraLayer]:
    return {
        name: module
        for name, module in base_of(model).named_modules()
        if isinstance(module, LoraLayer)
    }


def _around(name: str) -> Iterator[str]:
    """Yield the names of the modules around a weight, the innermost first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name
