"""A policy that trains low-rank adapters."""

import warnings
from typing import TYPE_CHECKING, cast

import torch
from peft import LoraConfig, PeftModel, PeftModelForCausalLM, prepare_model_for_kbit_training
from transformers.pytorch_utils import Conv1D

from storage.input_error import InputError
from tasks.training.params import TrainingParams

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def with_adapter(base: "PreTrainedModel", params: TrainingParams) -> PeftModel:
    """Return `base`, frozen, with a fresh adapter of rank `params.lora_rank`.

    LoRA (Hu et al., arXiv 2106.09685): a layer's output gains B A x * lora_alpha / lora_rank, A random
    and B 0, so the policy starts as its base exactly. Adapters are float32, drawn by `params.seed`
    whatever was drawn before.

    Raises:
        InputError: a name in `params.lora_modules` is no linear layer of the model, or is its head.
    """
    layers = _linear_layers(base)
    _check_modules(base, layers, params.lora_modules)
    if params.quantize != "no":
        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=False)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=params.lora_rank,
        lora_alpha=cast("int", params.lora_alpha or 2 * params.lora_rank),  # peft takes shares too
        lora_dropout=params.lora_dropout,
        target_modules=sorted(set(params.lora_modules)) or "all-linear",
        exclude_modules=_head_names(base),
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in layers.values()),
    )
    with torch.random.fork_rng(devices=[]):  # peft draws on the CPU
        torch.default_generator.manual_seed(params.seed)
        model = _wrapped(base, config)
    if params.activation_checkpointing:
        # a layer that is run again needs an input with a gradient, which frozen embeddings have not
        base.enable_input_require_grads()
    return model


def _wrapped(base: "PreTrainedModel", config: LoraConfig) -> PeftModel:
    """Return peft's wrapper, without a warning about how it asks transformers for something."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        return PeftModelForCausalLM(base, config)


def _linear_layers(base: "PreTrainedModel") -> dict[str, torch.nn.Module]:
    """Return the layers that can have an adapter by their full names."""
    heads = _head_names(base)
    return {
        name: module
        for name, module in base.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and name not in heads
    }


def _head_names(base: "PreTrainedModel") -> list[str]:
    head = base.get_output_embeddings()
    return [name for name, module in base.named_modules() if module is head]


def _check_modules(
    base: "PreTrainedModel", layers: dict[str, torch.nn.Module], wanted: tuple[str, ...]
) -> None:
    """Check that each wanted name is, or ends, the full name of a layer, as peft matches names."""
    for name in wanted:
        if not any(f".{layer}".endswith(f".{name}") for layer in layers):
            exist = ", ".join(sorted({_leaf(layer) for layer in layers}))
            raise InputError(
                f"lora_modules names {name!r}, which is no linear layer of this "
                f"{base.config.model_type} model; there is {exist}. Leave lora_modules empty to take "
                "all of them (the head gets no adapter)"
            )


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]
