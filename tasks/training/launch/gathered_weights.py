"""The whole weights of a model that several processes hold in pieces."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.tensor import DTensor


def gathered_weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return the model's state dict with whole tensors.

    All processes must call it. Cut by FSDP2 (`fully_shard`), the first process gets the weights and
    the others an empty dict; cut by DeepSpeed's ZeRO-3, all get them, in training's precision. Both are
    in main memory. Weights that each process holds whole come as they are, not copied.
    """
    parameters = list(model.parameters())
    if any(isinstance(parameter, DTensor) for parameter in parameters):
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        return cast("dict[str, Tensor]", get_model_state_dict(model, options=options))
    if any(hasattr(parameter, "ds_id") for parameter in parameters):
        return _from_zero3(model, parameters)
    return cast("dict[str, Tensor]", model.state_dict())


def _from_zero3(model: torch.nn.Module, parameters: list[Any]) -> dict[str, Tensor]:
    from deepspeed.zero import GatheredParameters  # type: ignore[import-not-found,unused-ignore]

    with GatheredParameters(parameters):
        return {
            name: value.detach().to("cpu", copy=True) for name, value in model.state_dict().items()
        }
