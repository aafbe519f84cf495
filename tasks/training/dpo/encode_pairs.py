"""Preference pairs as token ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.tables.pairs import PreferencePair
from tasks.sampling.encoding import Encoded, encode
from tasks.training.dpo.params import DPOParams
from tasks.training.dropped_row import PROMPT_FILLS_LIMIT, DroppedRow
from tasks.training.preference.preference_batch import PreferenceExample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class EncodedPairs:
    """The pairs that can be trained on, as `encode_pair` returns them, and those that cannot.

    `ids` are the pair ids of `kept`.
    """

    kept: tuple[dict[str, list[int]], ...]
    ids: tuple[str, ...]
    dropped: tuple[DroppedRow, ...]


def encode_pairs(
    rows: Sequence[PreferencePair], tokenizer: "PreTrainedTokenizerBase", params: DPOParams
) -> EncodedPairs:
    """Return the pairs as token ids; those of which an answer has no token are dropped.

    An answer that is an empty text still has its end token, so only a prompt that fills the limit
    leaves it none.
    """
    kept, ids, dropped = [], [], []
    for row in rows:
        encoded = encode_pair(row, tokenizer, params)
        if encoded["chosen_ids"] and encoded["rejected_ids"]:
            kept.append(encoded)
            ids.append(row.pair_id)
        else:
            dropped.append(DroppedRow(row.pair_id, PROMPT_FILLS_LIMIT))
    return EncodedPairs(kept=tuple(kept), ids=tuple(ids), dropped=tuple(dropped))


def as_example(row: Mapping[str, Sequence[int]]) -> PreferenceExample:
    """Return a pair of `encode_pair` as an example with two responses, the chosen one first."""
    return PreferenceExample(
        encoded=tuple(
            Encoded(prompt_ids=tuple(row["prompt_ids"]), completion_ids=tuple(row[answer]))
            for answer in ("chosen_ids", "rejected_ids")
        )
    )


def encode_pair(
    row: PreferencePair, tokenizer: "PreTrainedTokenizerBase", params: DPOParams
) -> dict[str, list[int]]:
    """Return the ids of the prompt and of both completions, each closed by one end token."""
    chosen, rejected = (
        encode(
            row.messages,
            completion,
            tokenizer,
            max_prompt_tokens=params.max_prompt_tokens,
            max_tokens=params.max_tokens,
        )
        for completion in (row.chosen, row.rejected)
    )
    return {
        "prompt_ids": list(chosen.prompt_ids),
        "chosen_ids": list(chosen.completion_ids),
        "rejected_ids": list(rejected.completion_ids),
    }
