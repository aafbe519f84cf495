"""Refuses an optimizer step that would ruin the weights."""

import math
from typing import TYPE_CHECKING, Any

import torch

from tasks.training.launch.ranks import on_any_rank
from tasks.training.run.training_log import DivergedError

if TYPE_CHECKING:
    from transformers import Trainer


def refuse_bad_steps(trainer: "Trainer", stop_grad_norm: float) -> None:
    """Have the trainer raise a DivergedError before a step whose loss or gradient is bad.

    Bad is what is not finite, and a gradient whose norm, before it is scaled down, is beyond
    `stop_grad_norm` (0: no bound). The weights are then those before the step, in all processes.
    It is the norm that transformers computes for its own log, over the shards and adapters of all
    processes, so it costs nothing; the method that returns it is the last before the step and
    internal to transformers 5.23, whose callbacks see gradients only after they were scaled.
    """
    measured = trainer._get_grad_norm  # noqa: SLF001  - see above
    losses: list[torch.Tensor] = []
    trained = trainer.training_step

    def training_step(*args: Any, **kwargs: Any) -> torch.Tensor:
        loss = trained(*args, **kwargs)
        losses.append(loss)
        return loss

    def get_grad_norm(model: torch.nn.Module, grad_norm: Any = None) -> Any:
        norm = measured(model, grad_norm=grad_norm)
        step = trainer.state.global_step + 1
        loss = float(torch.stack(losses).sum())
        losses.clear()
        if on_any_rank(not math.isfinite(loss)):
            raise DivergedError(f"the loss of step {step} is {loss}")
        if norm is not None:
            check_norm(float(norm), step, stop_grad_norm)
        return norm

    trainer.training_step = training_step  # type: ignore[method-assign]
    trainer._get_grad_norm = get_grad_norm  # type: ignore[method-assign]  # noqa: SLF001


def check_norm(norm: float, step: int, stop_grad_norm: float) -> None:
    """Check the norm of the gradient that this step would go along.

    Raises:
        DivergedError: it is not finite, or beyond `stop_grad_norm` where that is not 0.
    """
    if not math.isfinite(norm):
        raise DivergedError(f"the gradient of step {step} has norm {norm}")
    if stop_grad_norm and norm > stop_grad_norm:
        raise DivergedError(
            f"the gradient of step {step} has norm {norm:.4g}, beyond stop_grad_norm "
            f"({stop_grad_norm:g})"
        )
