"""Frozen weights in 8 or 4 bits."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from storage.input_error import InputError
from tasks.training.params import TrainingParams
from tasks.training.run.precision import use_bf16

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig


def quantization(params: TrainingParams, device: torch.device) -> "BitsAndBytesConfig":
    """Return how bitsandbytes holds the frozen weights of a model on `device`.

    4 bits are NormalFloat4 with quantized constants (QLoRA, Dettmers et al., arXiv 2305.14314), 8 bits
    LLM.int8. The products of 4-bit weights are in bfloat16 where training is.

    Raises:
        InputError: the device is no CUDA device, or bitsandbytes is not installed.
    """
    if device.type != "cuda":
        raise InputError(
            f"quantize is {params.quantize!r} but training runs on {device.type}; weights of few bits "
            "need an NVIDIA GPU. Set quantize to 'no', which trains the same adapters on float32"
        )
    if find_spec("bitsandbytes") is None:
        raise InputError(
            f"quantize is {params.quantize!r} but bitsandbytes is not installed; install it with "
            "'pip install bitsandbytes', or set quantize to 'no'"
        )
    from transformers import BitsAndBytesConfig

    if params.quantize == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if use_bf16(params.bf16, device) else torch.float32,
    )
