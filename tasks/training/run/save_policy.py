"""A trained policy on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tasks.sampling.model import LoadedModel, load_model
from tasks.training.launch.gathered_weights import gathered_weights
from tasks.training.launch.ranks import is_first_rank

if TYPE_CHECKING:
    from peft import PeftModel


def save_policy(loaded: LoadedModel, out: Path) -> None:
    """Write weights (safetensors) and tokenizer to the directory `out`.

    A policy with an adapter is written as a whole model in float32, which nothing downstream can
    tell from another, and its adapter alone in `out/adapter`. The policy in memory stays as it is.
    Of several processes, all of which must call it, the first one writes.

    Raises:
        InputError: the frozen weights are in memory in less than float32, and the checkpoint that
            they came from cannot be loaded again to add the adapter to.
    """
    from tasks.training.adapters.lora_model import is_lora

    model: torch.nn.Module = loaded.model
    weights = gathered_weights(model)
    if not is_first_rank():
        return
    out.mkdir(parents=True, exist_ok=True)
    if is_lora(model):
        _save_merged(model, weights, out)
    else:
        loaded.model.save_pretrained(out, state_dict=weights)
    loaded.tokenizer.save_pretrained(out)


def _save_merged(model: "PeftModel", weights: Mapping[str, Tensor], out: Path) -> None:
    from tasks.training.adapters.adapter_directory import AdapterDirectory
    from tasks.training.adapters.lora_model import base_of, loaded_from
    from tasks.training.adapters.merged_weights import deltas, is_full_precision, merged_state

    AdapterDirectory(out).write(model, weights)  # first: it is all that cannot be made again
    base = base_of(model)
    if is_full_precision(model):
        base.save_pretrained(out, state_dict=merged_state(model, weights))
        return
    whole = load_model(loaded_from(base), device="cpu", dtype=torch.float32).model
    state = whole.state_dict()
    for name, delta in deltas(model, weights):
        state[name].add_(delta.to(state[name]))
    whole.save_pretrained(out)
