"""The model that training changes."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from tasks.sampling.model import LoadedModel, load_model, pick_device
from tasks.training.params import TrainingParams
from tasks.training.run.precision import use_bf16

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_for_training(start: Path, params: TrainingParams) -> LoadedModel:
    """Return the model of a checkpoint in training mode, with fresh adapters if `params` asks for them.

    Weights that learn are float32. Weights that adapters leave frozen are too, except on a GPU that
    trains in bfloat16: there they are held in bfloat16, in which they would be multiplied anyway, or in
    8 or 4 bits.

    Raises:
        InputError: the checkpoint cannot be loaded, `params` names layers that it does not have, or
            asks for what needs a GPU or a package that is not here.
    """
    device = pick_device(params.device)
    if params.quantize != "no":
        from tasks.training.adapters.quantization import quantization

        bits = quantization(params, device)
    else:
        bits = None
    loaded = load_model(
        start, device=params.device, dtype=_dtype(params, device), quantization=bits
    )
    if params.liger:
        from tasks.training.adapters.liger import use_liger

        use_liger(loaded)
    if params.lora_rank:
        from tasks.training.adapters.new_adapter import with_adapter

        # peft's wrapper answers to all that is asked of a model, without being a PreTrainedModel
        adapted = cast("PreTrainedModel", with_adapter(loaded.model, params))
        loaded = replace(loaded, model=adapted)
    loaded.model.train()
    return loaded


def _dtype(params: TrainingParams, device: torch.device) -> torch.dtype:
    frozen_on_gpu = params.lora_rank > 0 and device.type == "cuda"
    return torch.bfloat16 if frozen_on_gpu and use_bf16(params.bf16, device) else torch.float32
