"""The last weights of a policy that were measured within the KL budget."""

from typing import Any

import torch

from tasks.training.adapters.trainable_state import restore_trainable, trainable_state


class GoodWeights:
    """A copy of what training changes in a model, and the optimizer step that it is of."""

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self.keep(0)

    def keep(self, step: int) -> None:
        """Remember the model's weights as they are now, after this step."""
        self._weights = trainable_state(self._model)
        self.step = step

    def put_back(self) -> None:
        """Give the model the weights that are remembered."""
        restore_trainable(self._model, self._weights)

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return {"step": self.step, "weights": self._weights}

    def restore(self, state: dict[str, Any]) -> None:
        """Remember what another object of the same run remembered."""
        self.step = state["step"]
        self._weights = state["weights"]
