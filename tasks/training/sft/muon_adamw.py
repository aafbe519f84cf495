"""Muon for the hidden matrices and AdamW for everything else, as one optimizer."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_EDGES = ("embed", "wte", "wpe", "lm_head")


class MuonAdamW(torch.optim.Optimizer):
    """Steps Muon on matrices between the embeddings and AdamW on embeddings, head and vectors.

    Muon: Jordan et al. 2024, as `torch.optim.Muon` with its weight decay. AdamW has the betas
    (0.9, 0.95). Both sets of groups stand in `param_groups`, so one schedule scales both learning
    rates.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        muon_learning_rate: float,
        adamw_learning_rate: float,
        weight_decay: float,
    ) -> None:
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        hidden = [p for name, p in named if is_hidden_matrix(name, p)]
        rest = [p for name, p in named if not is_hidden_matrix(name, p)]
        self._optimizers: list[torch.optim.Optimizer] = []
        if hidden:
            self._optimizers.append(
                torch.optim.Muon(hidden, lr=muon_learning_rate, weight_decay=weight_decay)
            )
        if rest:
            self._optimizers.append(
                torch.optim.AdamW(
                    rest, lr=adamw_learning_rate, betas=(0.9, 0.95), weight_decay=weight_decay
                )
            )
        groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        super().__init__([{"params": group["params"]} for group in groups], {})
        self.param_groups = groups

    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Step both optimizers.

        Raises:
            ValueError: a closure was given; neither optimizer re-evaluates the loss.
        """
        if closure is not None:
            raise ValueError("MuonAdamW takes no closure")
        for optimizer in self._optimizers:
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both optimizers."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self._optimizers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        for optimizer, state in zip(self._optimizers, state_dict["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.param_groups = [
            group for optimizer in self._optimizers for group in optimizer.param_groups
        ]


def is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """Return whether a parameter is a matrix that is neither an embedding nor the head."""
    return parameter.ndim == 2 and not any(edge in name for edge in _EDGES)  # noqa: PLR2004  - a matrix has two dimensions
