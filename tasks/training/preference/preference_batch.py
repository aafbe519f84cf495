"""Prompts with several responses, and what a trainer gets of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import collate
from tasks.sampling.shared_prefix.packed_batch import pack_responses


@dataclass(frozen=True, slots=True)
class PreferenceExample:
    """The responses of one prompt, in an order that the loss knows.

    `ref_logps` are the frozen reference's log-probabilities of the same responses, in nats, empty
    until they are computed.
    """

    encoded: tuple[Encoded, ...]
    ref_logps: tuple[float, ...] = ()


def collate_packed(examples: Sequence[PreferenceExample]) -> dict[str, Any]:
    """Return the tensors of `PackedBatch` and those of `_of_examples`, on the CPU.

    All-ones `attention_mask` [1, tokens] is what transformers counts tokens by.
    """
    batch = pack_responses([example.encoded for example in examples])
    mask = torch.ones_like(batch.input_ids)
    return {**batch.tensors(), "attention_mask": mask, **_of_examples(examples)}


def collate_padded(examples: Sequence[PreferenceExample], pad_token_id: int) -> dict[str, Any]:
    """Return the tensors of `TokenBatch`, one row per response, and those of `_of_examples`."""
    rows = [encoded for example in examples for encoded in example.encoded]
    return {**collate(rows, pad_token_id=pad_token_id).tensors(), **_of_examples(examples)}


def _of_examples(examples: Sequence[PreferenceExample]) -> dict[str, Any]:
    """Return `ref_logps` and `response_lengths` [responses], and `num_responses` [prompts].

    A length counts completion tokens, the end token included.
    """
    rows = [encoded for example in examples for encoded in example.encoded]
    return {
        "ref_logps": torch.tensor([logp for item in examples for logp in item.ref_logps]),
        "response_lengths": torch.tensor([len(row.completion_ids) for row in rows]),
        "num_responses": torch.tensor([len(example.encoded) for example in examples]),
    }
