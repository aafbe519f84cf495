"""What the processes of a training run agree on, beyond figures and flags."""

from typing import TypeVar

import torch
import torch.distributed as dist

from tasks.training.launch.ranks import num_ranks

Value = TypeVar("Value")


def of_first(value: Value, device: torch.device) -> Value:
    """Return the first process's value in all of them; `device` is that of the training."""
    if not are_together():
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0, device=device)
    return values[0]


def meet() -> None:
    """Wait until all processes are here."""
    if are_together():
        dist.barrier()


def are_together() -> bool:
    """Tell whether this is one of several processes, and they know each other already."""
    return num_ranks() > 1 and dist.is_available() and dist.is_initialized()
