"""A model's forward that returns log-probabilities of targets where its logits would be."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from tasks.sampling.entropy import EntropyProbe
from tasks.sampling.shared_prefix.token_logps import token_logps


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    """Return the model inside the wrappers of data-parallel training and of torch.compile."""
    while True:
        inner = getattr(model, "module", None) or getattr(model, "_orig_mod", None)
        if not isinstance(inner, torch.nn.Module):
            return model
        model = inner


@contextmanager
def scored_head(
    model: torch.nn.Module,
    scored: Int[Tensor, " scored"],
    targets: Int[Tensor, " scored"],
    probe: EntropyProbe | None = None,
) -> Iterator[None]:
    """Make this thread's forwards return the targets' log-probabilities as logits [1, scored, 1].

    `scored` are places in the flattened batch. The head is not run; its weights are used from
    inside the model's forward, where DDP and FSDP expect that, and nothing of the model is
    replaced: two hooks on the head take its input and put the result in place of its output. A
    `probe` looks at the scored hidden states there too.
    """
    thread = threading.get_ident()
    taken: list[Tensor] = []

    def take(_head: torch.nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if threading.get_ident() != thread:
            return None
        taken.append(inputs[0].flatten(end_dim=-2))
        return (inputs[0][:, :0],)  # the head itself computes nothing

    def put(head: torch.nn.Module, _inputs: Any, _output: Tensor) -> Tensor | None:
        if threading.get_ident() != thread:
            return None
        hidden = taken.pop().index_select(0, scored)
        if probe is not None:
            probe.look(hidden, head)
        return token_logps(hidden, head, targets).view(1, -1, 1)

    inner: Any = unwrapped(model)
    head: torch.nn.Module = inner.get_output_embeddings()
    hooks = [head.register_forward_pre_hook(take), head.register_forward_hook(put)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
