"""The model that a policy is held to."""

from pathlib import Path

import torch

from tasks.sampling.model import LoadedModel, load_model
from tasks.training.adapters.lora_model import base_of, is_lora
from tasks.training.reference.reference_view import view_of


def load_reference(start: Path, policy: LoadedModel) -> LoadedModel:
    """Return the model that `policy` started as in the checkpoint `start`, frozen, where `policy` is.

    With adapters it is the policy without them, in no memory of its own; else it is loaded once more.

    Raises:
        InputError: the checkpoint cannot be loaded.
    """
    if is_lora(policy.model):
        return view_of(policy)
    reference = load_model(start, device=str(policy.device), dtype=reference_dtype(policy))
    reference.model.requires_grad_(requires_grad=False)
    return reference


def reference_dtype(policy: LoadedModel) -> torch.dtype:
    """Return the precision of a reference's weights: that of the policy's frozen ones, or float32."""
    return base_of(policy.model).dtype if is_lora(policy.model) else torch.float32
