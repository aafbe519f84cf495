"""What peft's wrapper of a policy is made of."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard, cast

import torch
from peft import LoraConfig, PeftModel
from peft.utils import get_peft_model_state_dict
from torch import Tensor

from tasks.sampling.shared_prefix.scored_head import unwrapped

if TYPE_CHECKING:
    from transformers import PreTrainedModel

POLICY_ADAPTER = "default"
"""peft's name of the adapter that is trained."""


def is_lora(model: torch.nn.Module) -> TypeGuard[PeftModel]:
    """Return whether a model trains adapters on a frozen base."""
    return isinstance(model, PeftModel)


def lora_model(model: torch.nn.Module) -> PeftModel:
    """Return the model, out of the wrappers of data-parallel training, as what it is.

    Raises:
        TypeError: it has no adapters.
    """
    inner = unwrapped(model)
    if not isinstance(inner, PeftModel):
        raise TypeError(f"{type(inner).__name__} has no adapters; load it with lora_rank above 0")
    return inner


def base_of(model: PeftModel) -> "PreTrainedModel":
    """Return the frozen base, with the adapters' layers in it."""
    return cast("PreTrainedModel", model.get_base_model())


def loaded_from(base: "PreTrainedModel") -> Path:
    """Return the directory that a base was loaded from."""
    return Path(str(base.name_or_path))


def adapter_config(model: PeftModel, adapter: str) -> LoraConfig:
    """Return an adapter's description: its rank, scaling and layers."""
    return cast("LoraConfig", model.peft_config[adapter])


def adapter_tensors(
    model: PeftModel, adapter: str, state: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Return an adapter's weights under names that do not depend on its name.

    They are the model's own, not copies, or those of `state`, a state dict of the model.
    """
    return cast(
        "dict[str, Tensor]",
        get_peft_model_state_dict(
            model,
            state_dict=None if state is None else dict(state),
            adapter_name=adapter,
            save_embedding_layers=False,
        ),
    )
