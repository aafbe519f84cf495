"""What the rest of an answer will earn, guessed from where the policy stands."""

import torch
from torch import Tensor


class ValueHead(torch.nn.Module):
    """Predicts from a hidden state of the policy what the rest of the answer will earn.

    It starts at 0 everywhere, so the first advantages are plain returns, and the first value loss
    moves the head alone. The body is the policy's own.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(hidden_size, 1)
        torch.nn.init.zeros_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Return the values [batch, tokens] of states [batch, tokens, hidden], in float32."""
        with torch.autocast(states.device.type, enabled=False):
            values: Tensor = self.linear(states.float()).squeeze(-1)
        return values
