"""The model that a policy is held to."""

from pathlib import Path

import torch

from tasks.sampling.model import LoadedModel, load_model


def load_reference(start: Path, policy: LoadedModel) -> LoadedModel:
    """Return the model of the checkpoint `start` once more, frozen, where `policy` is.

    Raises:
        InputError: the checkpoint cannot be loaded.
    """
    reference = load_model(start, device=str(policy.device), dtype=torch.float32)
    reference.model.requires_grad_(requires_grad=False)
    return reference
