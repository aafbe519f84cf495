"""The model that training changes."""

from pathlib import Path

import torch

from tasks.sampling.model import LoadedModel, load_model
from tasks.training.params import TrainingParams


def load_for_training(start: Path, params: TrainingParams) -> LoadedModel:
    """Return the model of a checkpoint with float32 weights, in training mode.

    Raises:
        InputError: the checkpoint cannot be loaded.
    """
    loaded = load_model(start, device=params.device, dtype=torch.float32)
    loaded.model.train()
    return loaded
