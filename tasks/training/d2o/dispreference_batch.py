"""Negatives with their self-samples as token ids, and their log-probabilities by prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from storage.tables.negatives import Negative
from tasks.sampling.encoding import encode
from tasks.training.d2o.params import D2OParams
from tasks.training.dropped_row import PROMPT_FILLS_LIMIT, DroppedRow
from tasks.training.losses.d2o import DispreferenceLogps
from tasks.training.preference.preference_batch import PreferenceExample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class EncodedNegatives:
    """The rows that can be trained on, the example of each, and those that cannot."""

    rows: tuple[Negative, ...]
    examples: tuple[PreferenceExample, ...]
    dropped: tuple[DroppedRow, ...]


def encode_negatives(
    rows: Sequence[Negative], tokenizer: "PreTrainedTokenizerBase", params: D2OParams
) -> EncodedNegatives:
    """Return the rows as token ids; those of which an answer has no token are dropped.

    An answer that is an empty text still has its end token, so only a prompt that fills the limit
    leaves it none.
    """
    encoded = [(row, encode_negative(row, tokenizer, params)) for row in rows]
    kept = [(row, example) for row, example in encoded if example is not None]
    return EncodedNegatives(
        rows=tuple(row for row, _ in kept),
        examples=tuple(example for _, example in kept),
        dropped=tuple(
            DroppedRow(row.negative_id, PROMPT_FILLS_LIMIT)
            for row, example in encoded
            if example is None
        ),
    )


def encode_negative(
    row: Negative, tokenizer: "PreTrainedTokenizerBase", params: D2OParams
) -> PreferenceExample | None:
    """Return the ids of a row, its self-samples first and its negative last.

    None where its negative or a wanted self-sample does not fit.
    """
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
    return PreferenceExample(encoded=encoded)


def by_example(logps: Tensor, num_responses: Tensor) -> DispreferenceLogps:
    """Return sequence log-probabilities [rows] as self-samples [batch, most anchors] and negatives.

    Columns beyond an example's own self-samples hold 0.
    """
    rows = logps.split(num_responses.tolist())
    anchors = torch.nn.utils.rnn.pad_sequence([row[:-1] for row in rows], batch_first=True)
    return DispreferenceLogps(anchors=anchors, negative=torch.stack([row[-1] for row in rows]))


def anchor_mask(num_responses: Tensor) -> Tensor:
    """Return True [batch, most anchors] where an example has a self-sample."""
    num_anchors = num_responses - 1
    columns = torch.arange(int(num_anchors.max()), device=num_anchors.device)
    return columns < num_anchors.unsqueeze(-1)
