"""Demonstrations laid out as the blocks that pass through the model."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor

from tasks.sampling.encoding import Encoded
from tasks.training.sft.params import SFTParams

_IGNORED = -100  # transformers' label of tokens without a loss

Block = dict[str, list[int]]
"""`input_ids` and `labels` of equal length, and `position_ids` where demonstrations stand side by side
that must not see each other: the positions start again at 0 with each."""


def blocks_of(encoded: Sequence[Encoded], params: SFTParams, *, packs_apart: bool) -> list[Block]:
    """Return the rows in the layout that the parameters ask for.

    `packs_apart` says whether the model can read demonstrations side by side.
    """
    if params.packing and not params.completion_only:
        return pack(encoded, params.block_tokens)
    if params.packing and packs_apart:
        return pack_apart(encoded, params.block_tokens)
    return separate(encoded, completion_only=params.completion_only)


def pack(encoded: Sequence[Encoded], block_tokens: int) -> list[Block]:
    """Return all rows joined and cut into blocks; every token is in one block, the last is short.

    A block's first token has no token before it and gives no loss.
    """
    tokens = list(chain.from_iterable(row.prompt_ids + row.completion_ids for row in encoded))
    blocks = [tokens[i : i + block_tokens] for i in range(0, len(tokens), block_tokens)]
    return [{"input_ids": block, "labels": block} for block in blocks]


def separate(encoded: Sequence[Encoded], *, completion_only: bool) -> list[Block]:
    """Return each row as a block, the prompt without labels where only completions are learned."""
    blocks = []
    for row in encoded:
        ids = list(row.prompt_ids + row.completion_ids)
        hidden = len(row.prompt_ids) if completion_only else 0
        blocks.append({"input_ids": ids, "labels": [_IGNORED] * hidden + ids[hidden:]})
    return blocks


def pack_apart(encoded: Sequence[Encoded], block_tokens: int) -> list[Block]:
    """Return blocks of whole rows of which only the completions have labels.

    Rows go, the longest first, into the block with the least room that still holds them. A row
    longer than a block is a block of its own.
    """
    return [_joined(rows) for rows in _best_fit(encoded, block_tokens)]


def _best_fit(encoded: Sequence[Encoded], block_tokens: int) -> list[list[Encoded]]:
    filled: list[list[Encoded]] = []
    with_room: dict[int, list[int]] = defaultdict(list)  # free tokens: indices of blocks
    rooms: list[int] = []  # the keys of `with_room`, ascending
    for row in sorted(encoded, key=_num_tokens, reverse=True):
        place = bisect_left(rooms, _num_tokens(row))
        if place == len(rooms):
            index, room = len(filled), max(block_tokens, _num_tokens(row))
            filled.append([])
        else:
            room = rooms[place]
            index = with_room[room].pop()
            if not with_room[room]:
                del with_room[room], rooms[place]
        filled[index].append(row)
        left = room - _num_tokens(row)
        if left not in with_room:
            insort(rooms, left)
        with_room[left].append(index)
    return filled


def _joined(rows: Sequence[Encoded]) -> Block:
    parts = separate(rows, completion_only=True)
    return {
        "input_ids": [token for part in parts for token in part["input_ids"]],
        "labels": [label for part in parts for label in part["labels"]],
        "position_ids": [place for part in parts for place in range(len(part["input_ids"]))],
    }


def _num_tokens(row: Encoded) -> int:
    return len(row.prompt_ids) + len(row.completion_ids)


class Padding:
    """Collates blocks into a batch that is padded on the right."""

    def __init__(self, pad_token_id: int) -> None:
        self._pad_token_id = pad_token_id

    def __call__(self, blocks: Sequence[Block]) -> dict[str, Tensor]:
        """Return `input_ids`, `labels` and `attention_mask` of shape [batch, tokens].

        Blocks with `position_ids` keep them; every padding token is at position 0.
        """
        batch = {
            "input_ids": _padded([block["input_ids"] for block in blocks], self._pad_token_id),
            "labels": _padded([block["labels"] for block in blocks], _IGNORED),
            "attention_mask": _padded([[1] * len(block["input_ids"]) for block in blocks], 0),
        }
        if "position_ids" in blocks[0]:
            batch["position_ids"] = _padded([block["position_ids"] for block in blocks], 0)
        return batch


def _padded(rows: list[list[int]], value: int) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(row) for row in rows], batch_first=True, padding_value=value
    )
