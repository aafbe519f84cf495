"""Negatives with their self-samples as token ids, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from storage.tables.negatives import Negative
from tasks.sampling.encoding import Encoded, encode
from tasks.sampling.logps import TokenBatch, collate
from tasks.training.losses.d2o import DispreferenceLogps
from tasks.training.params import D2OParams

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class DispreferenceExample:
    """The self-samples and, last, the dispreferred answer of one prompt.

    `ref_logps` are the frozen reference's log-probabilities of the same rows, in nats, empty until
    they are computed.
    """

    encoded: tuple[Encoded, ...]
    ref_logps: tuple[float, ...] = ()

    @property
    def num_anchors(self) -> int:
        """Number of self-samples."""
        return len(self.encoded) - 1


def encode_negative(
    row: Negative, tokenizer: "PreTrainedTokenizerBase", params: D2OParams
) -> DispreferenceExample | None:
    """Return the ids of a row, or None where its negative or a wanted self-sample does not fit."""
    encoded = tuple(
        encode(
            row.messages,
            completion,
            tokenizer,
            max_prompt_tokens=params.max_prompt_tokens,
            max_tokens=params.max_tokens,
        )
        for completion in (*row.anchors[: params.max_samples], row.rejected)
    )
    if any(item.is_empty for item in encoded):
        return None
    return DispreferenceExample(encoded=encoded)


class DispreferenceCollator:
    """Puts the responses of several examples into one padded batch.

    Tensors: those of `TokenBatch` with one row per response, `ref_logps` [rows], `num_anchors`
    [batch]. The rows of an example follow each other, its negative last.
    """

    def __init__(self, pad_token_id: int) -> None:
        self._pad_token_id = pad_token_id

    def __call__(self, examples: Sequence[DispreferenceExample]) -> dict[str, Any]:
        """Return the tensors of `examples`."""
        batch = collate(
            [encoded for example in examples for encoded in example.encoded],
            pad_token_id=self._pad_token_id,
        )
        return {
            "input_ids": batch.input_ids,
            "attention_mask": batch.attention_mask,
            "position_ids": batch.position_ids,
            "completion_mask": batch.completion_mask,
            "ref_logps": torch.tensor([logp for item in examples for logp in item.ref_logps]),
            "num_anchors": torch.tensor([example.num_anchors for example in examples]),
        }


def token_batch(inputs: dict[str, Tensor]) -> TokenBatch:
    """Return the token part of a collated batch."""
    return TokenBatch(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        position_ids=inputs["position_ids"],
        completion_mask=inputs["completion_mask"],
    )


def by_example(logps: Tensor, num_anchors: Tensor) -> DispreferenceLogps:
    """Return sequence log-probabilities [rows] as self-samples [batch, most anchors] and negatives.

    Columns beyond an example's own self-samples hold 0.
    """
    sizes = (num_anchors + 1).tolist()
    rows = logps.split(sizes)
    anchors = torch.nn.utils.rnn.pad_sequence([row[:-1] for row in rows], batch_first=True)
    return DispreferenceLogps(anchors=anchors, negative=torch.stack([row[-1] for row in rows]))


def anchor_mask(num_anchors: Tensor) -> Tensor:
    """Return True [batch, most anchors] where an example has a self-sample."""
    columns = torch.arange(int(num_anchors.max()), device=num_anchors.device)
    return columns < num_anchors.unsqueeze(-1)
