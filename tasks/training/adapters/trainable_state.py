"""The weights that training changes, as copies in main memory."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

from tasks.sampling.shared_prefix.scored_head import unwrapped


def trainable_state(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return copies of the weights that training changes, whole and in main memory.

    With adapters those are the adapters that learn. Where weights are cut in pieces every process
    must call it, and gets all of them.
    """
    return {
        name: _whole(value.detach()).to("cpu", copy=True)
        for name, value in _changing(model).items()
    }


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
            value.copy_(_cut_like(value, state[name]))


def _whole(weights: Tensor) -> Tensor:
    return weights.full_tensor() if isinstance(weights, DTensor) else weights


def _cut_like(weights: Tensor, whole: Tensor) -> Tensor:
    """Return whole weights cut in pieces as `weights` are; every process has them all."""
    if not isinstance(weights, DTensor):
        return whole
    mesh = weights.device_mesh
    return distribute_tensor(whole.to(weights.device), mesh, weights.placements, src_data_rank=None)


def _changing(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return the weights themselves by name; a matrix with two names is there once."""
    named = unwrapped(model).named_parameters()
    return {name: value for name, value in named if value.requires_grad}
