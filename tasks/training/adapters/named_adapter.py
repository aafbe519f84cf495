"""A frozen adapter beside the one that a policy trains."""

from collections.abc import Mapping
from copy import deepcopy

import torch
from peft import LoraConfig, PeftModel
from torch import Tensor

from tasks.training.adapters.lora_model import adapter_tensors


def add_adapter(
    model: PeftModel, name: str, config: LoraConfig, tensors: Mapping[str, Tensor]
) -> None:
    """Give `model` a frozen adapter called `name`, in place of one that it has by that name.

    The policy's own adapter stays the active one and goes on learning; no random number is used up.
    """
    if name in model.peft_config:
        model.delete_adapter(name)
    frozen = deepcopy(config)
    frozen.inference_mode = True
    with torch.random.fork_rng(devices=[]):  # peft first fills it at random
        model.add_adapter(name, frozen)
    model.set_requires_grad(name, requires_grad=False)
    set_adapter_tensors(model, name, tensors)


def set_adapter_tensors(model: PeftModel, name: str, tensors: Mapping[str, Tensor]) -> None:
    """Copy weights into an adapter.

    Raises:
        ValueError: they are those of an adapter of other layers or another rank.
    """
    own = adapter_tensors(model, name)
    shapes, given = ({k: v.shape for k, v in of.items()} for of in (own, tensors))
    if shapes != given:
        other = min(key for key in own.keys() | tensors.keys() if shapes.get(key) != given.get(key))
        raise ValueError(
            f"the weights of adapter {name!r} do not fit: {other} is {given.get(other)} and should "
            f"be {shapes.get(other)}; adapters exchange weights only with equal layers and rank"
        )
    with torch.no_grad():
        for key, value in own.items():
            value.copy_(tensors[key])
