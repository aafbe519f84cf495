"""Answers that were drawn and not yet learned from, in a checkpoint."""

from typing import Any

from torch import Tensor
from transformers import Trainer, TrainerCallback


class DrawnAnswers(TrainerCallback):
    """Writes with every checkpoint what TRL would draw anew after an interruption.

    TRL draws an iteration's answers at once and learns from them batch by batch; where it is,
    and the batches, are in `_step` and `_buffered_inputs`, which are internal to TRL 1.16.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer: Any = trainer

    def state(self) -> dict[str, Any]:
        """Return the batches of the iteration under way and the number of batches learned from."""
        batches = self._trainer._buffered_inputs or []  # noqa: SLF001  - see above
        return {
            "step": self._trainer._step,  # noqa: SLF001
            "batches": {str(index): _tensors(batch) for index, batch in enumerate(batches)},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Let TRL go on with the answers of an interrupted run."""
        device = self._trainer.accelerator.device
        batches = state["batches"]
        self._trainer._step = state["step"]  # noqa: SLF001
        self._trainer._buffered_inputs = [  # noqa: SLF001
            {name: tensor.to(device) for name, tensor in batches[str(index)].items()}
            for index in range(len(batches))
        ]


def _tensors(batch: dict[str, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in batch.items() if isinstance(value, Tensor)}
