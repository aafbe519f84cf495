"""Which process of a training run this one is, and what its processes agree on.

A process on its own is the first of one, and agrees with itself. All processes must ask at the same
time; where they exchange figures depends on the process group, which transformers makes with its
training arguments.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist


def rank() -> int:
    """Return the number of this process among those of its run, from 0."""
    return int(os.environ.get("RANK", "0"))


def num_ranks() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_rank() -> bool:
    """Return whether this is the process that writes files and logs."""
    return rank() == 0


def from_first_rank(value: float) -> float:
    """Return what the first process has, in all of them.

    What is decided by a measurement must be decided alike: a process that stops alone leaves the
    others waiting.
    """
    if not _together():
        return value
    shared = _on_device([value])
    dist.broadcast(shared, src=0)
    return float(shared.item())


def on_any_rank(flag: bool) -> bool:
    """Return whether any process has `flag` set, in all of them."""
    if not _together():
        return flag
    shared = _on_device([float(flag)])
    dist.all_reduce(shared, op=dist.ReduceOp.MAX)
    return bool(shared.item())


def mean_over_ranks(values: Mapping[str, float]) -> dict[str, float]:
    """Return the mean of each value over the processes that have it, in all of them."""
    if not _together():
        return dict(values)
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, dict(values))
    measured: dict[str, list[float]] = defaultdict(list)
    for own in gathered:
        for name, value in own.items():
            measured[name].append(value)
    return {name: sum(each) / len(each) for name, each in measured.items()}


def _together() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _on_device(values: Sequence[float]) -> torch.Tensor:
    """Return the values where the process group exchanges them."""
    on_gpu = "nccl" in str(dist.get_backend())
    return torch.tensor(values, dtype=torch.float64, device="cuda" if on_gpu else "cpu")
