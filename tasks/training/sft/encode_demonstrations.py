"""Demonstrations as token ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.tables.demonstrations import Demonstration
from tasks.sampling.encoding import Encoded, encode
from tasks.training.dropped_row import PROMPT_FILLS_LIMIT, DroppedRow
from tasks.training.sft.params import SFTParams

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class EncodedDemonstration:
    """The token ids of a demonstration, and the id of its prompt."""

    prompt_id: str
    encoded: Encoded


@dataclass(frozen=True, slots=True)
class EncodedDemonstrations:
    """The demonstrations that can be trained on, and those that cannot."""

    kept: tuple[EncodedDemonstration, ...]
    dropped: tuple[DroppedRow, ...]


def encode_demonstrations(
    rows: Sequence[Demonstration], tokenizer: "PreTrainedTokenizerBase", params: SFTParams
) -> EncodedDemonstrations:
    """Return the demonstrations as token ids; those without room for a completion are dropped."""
    kept, dropped = [], []
    for row in rows:
        encoded = encode(
            row.messages,
            row.completion,
            tokenizer,
            max_prompt_tokens=params.max_prompt_tokens,
            max_tokens=params.max_tokens,
        )
        if encoded.is_empty:
            dropped.append(DroppedRow(row.demonstration_id, PROMPT_FILLS_LIMIT))
        else:
            kept.append(EncodedDemonstration(row.prompt_id, encoded))
    return EncodedDemonstrations(kept=tuple(kept), dropped=tuple(dropped))
