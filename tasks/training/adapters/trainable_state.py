"""The weights that training changes, as copies in main memory."""

from collections.abc import Mapping

import torch
from torch import Tensor

from tasks.sampling.shared_prefix.scored_head import unwrapped
from tasks.training.adapters.lora_model import is_lora


def trainable_state(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return copies of the weights that training changes, in main memory.

    With adapters those of the adapters that learn; else the whole state, buffers included.
    """
    return {name: value.detach().to("cpu", copy=True) for name, value in _changing(model).items()}


def restore_trainable(model: torch.nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a model the weights that `trainable_state` returned; the others stay as they are.

    Raises:
        ValueError: the names are not those of this model's trainable weights.
    """
    changing = _changing(model)
    if changing.keys() != state.keys():
        other = sorted(changing.keys() ^ state.keys())
        raise ValueError(
            f"{len(other)} weights are in the model or in its saved state only, such as "
            f"{other[0]!r}; restore into the model that the state was taken of"
        )
    with torch.no_grad():
        for name, value in changing.items():
            value.copy_(state[name])


def _changing(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return the weights themselves by name."""
    inner = unwrapped(model)
    if not is_lora(inner):
        return dict(inner.state_dict())
    return {name: value for name, value in inner.named_parameters() if value.requires_grad}
