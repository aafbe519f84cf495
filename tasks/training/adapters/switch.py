"""A model that runs for a while as another of its adapters, or as its base."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer


@contextmanager
def running_as(model: PeftModel, adapter: str | None) -> Iterator[None]:
    """Let `model` run with an adapter, or with none, and leave it as it was.

    peft's own switches also decide which weights learn. That must not change between a forward
    pass and its backward pass, so the layers are set here one by one, by what peft 0.21 reads in
    their forward.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer)]
    before = [(layer._disable_adapters, layer._active_adapter) for layer in layers]  # noqa: SLF001
    try:
        for layer in layers:
            layer._disable_adapters = adapter is None  # noqa: SLF001
            if adapter is not None:
                layer._active_adapter = [adapter]  # noqa: SLF001
        yield
    finally:
        for layer, (disabled, active) in zip(layers, before, strict=True):
            layer._disable_adapters = disabled  # noqa: SLF001
            layer._active_adapter = active  # noqa: SLF001


@contextmanager
def in_mode(model: torch.nn.Module, *, training: bool) -> Iterator[None]:
    """Let every module of `model` train or not, and leave each as it was."""
    others = [module for module in model.modules() if module.training != training]
    for module in others:
        module.training = training
    try:
        yield
    finally:
        for module in others:
            module.training = not training
