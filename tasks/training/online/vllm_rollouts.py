"""Whether vLLM can draw the answers here."""

from importlib.util import find_spec

from storage.input_error import InputError


def require_vllm() -> None:
    """Check that there is a GPU and the package vllm.

    Raises:
        InputError: one of them is missing.
    """
    import torch

    if not torch.cuda.is_available():
        raise InputError(
            "vllm draws answers on a CUDA GPU and there is none here; set vllm=false, which draws "
            "them with transformers on any device"
        )
    if find_spec("vllm") is None:
        raise InputError(
            "vllm is on and the package is not installed; `pip install 'trl[vllm]'` brings a version "
            "that fits, or set vllm=false"
        )
