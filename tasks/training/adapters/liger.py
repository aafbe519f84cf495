"""Liger's fused kernels in a policy."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from storage.input_error import InputError
from tasks.sampling.model import LoadedModel


def use_liger(loaded: LoadedModel) -> None:
    """Patch a model's norms, rotary embeddings and gated layers with Liger's kernels.

    Its fused losses stay off: the log-probabilities of the responses have a head of their own. Liger
    also patches the model's classes in transformers, so models that are loaded later in this process
    use the kernels too.

    Raises:
        InputError: the model is not on a CUDA device, liger-kernel is not installed, or it does not
            know the model's type.
    """
    if loaded.device.type != "cuda":
        raise InputError(
            f"liger is on but training runs on {loaded.device.type}; Liger's kernels need an NVIDIA "
            "GPU. Set liger to false"
        )
    if find_spec("liger_kernel") is None:
        raise InputError(
            "liger is on but liger-kernel is not installed; install it with 'pip install "
            "liger-kernel', or set liger to false"
        )
    _apply(loaded.model)


def _apply(model: Any) -> None:
    patches = import_module("liger_kernel.transformers.monkey_patch")
    known = sorted(patches.MODEL_TYPE_TO_APPLY_LIGER_FN)
    if model.config.model_type not in known:
        raise InputError(
            f"liger is on but Liger has no kernels for models of type {model.config.model_type!r}; "
            f"it knows {', '.join(known)}. Set liger to false"
        )
    # arguments that a type's patch does not have are left out by Liger itself
    patches._apply_liger_kernel_to_instance(  # noqa: SLF001  - transformers' way in, too
        model=model, cross_entropy=False, fused_linear_cross_entropy=False
    )
