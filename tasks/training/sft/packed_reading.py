"""Demonstrations side by side in one row, read as if each stood alone.

transformers keeps sequences apart whose positions start again, if it gets neither an attention mask
nor a cache (`masking_utils.find_packed_sequence_indices`, for SDPA, eager and FlexAttention).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from tasks.training.launch.rank_share import RankShareTrainer
from tasks.training.sft.blocks import Padding

_TRIED = ((2, 3), (20, 3), (5, 4), (9, 5))  # texts of successive tokens: the first, how many
_LEAK, _ROUNDING = 1e-5, 0.05  # of the logits' spread


class SFTTrainer(RankShareTrainer):
    """transformers' Trainer, which reads blocks with positions as `readable` says.

    The batch's attention mask is then only what tokens are counted by.
    """

    @override
    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the mean cross-entropy of the batch's labels, in nats per token."""
        return super().compute_loss(
            model, readable(inputs), return_outputs, num_items_in_batch=num_items_in_batch
        )


def readable(batch: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the arguments of the model's forward for a batch of `Padding`."""
    if "position_ids" not in batch:
        return dict(batch)
    kept = {name: value for name, value in batch.items() if name != "attention_mask"}
    return {**kept, "use_cache": False}


def reads_packed_rows(model: torch.nn.Module) -> bool:
    """Return whether texts side by side get the logits that each gets alone, tried on a few tokens.

    A text must not change with its neighbour at all, and may differ by rounding from itself alone.
    """
    first, other, second, third = (list(range(start, start + length)) for start, length in _TRIED)
    training = model.training
    model.eval()
    with torch.no_grad():
        packed = _logits(model, [first, second], [third])
        beside_other = _logits(model, [other, second], [third])
        alone = [_logits(model, [text])[0] for text in (first, second, third)]
    model.train(training)
    found = [packed[0, :3], packed[0, 3:], packed[1, : len(third)]]
    spread = alone[1].std()
    leak = (packed[0, 3:] - beside_other[0, 3:]).abs().max()
    differences = [(ours - own).abs().max() for ours, own in zip(found, alone, strict=True)]
    return bool(leak < _LEAK * spread and max(differences) < _ROUNDING * spread)


def _logits(model: torch.nn.Module, *rows: list[list[int]]) -> Tensor:
    """Return the logits of rows of texts side by side, [rows, tokens, vocabulary]."""
    blocks = [
        {
            "input_ids": [token for text in texts for token in text],
            "labels": [token for text in texts for token in text],
            "position_ids": [place for text in texts for place in range(len(text))],
        }
        for texts in rows
    ]
    device = next(model.parameters()).device
    batch = {name: value.to(device) for name, value in Padding(0)(blocks).items()}
    batch.pop("labels")
    logits: Tensor = model(**readable(batch)).logits.float()
    return logits
