"""Answers that are desirable or undesirable by themselves, as token ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from storage.input_error import InputError
from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair
from storage.tables.table import Message
from tasks.sampling.encoding import Encoded, encode
from tasks.training.kto.params import KTOParams

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class UnpairedAnswer:
    """An answer of the row `row_id`, and whether it is one to learn from."""

    row_id: str
    encoded: Encoded
    desirable: bool


@dataclass(frozen=True, slots=True)
class KTORow:
    """An answer, and the answer to another prompt that measures the reference point beside it.

    What is measured is how far the policy moved on that other answer behind this row's prompt.
    """

    answer: UnpairedAnswer
    mismatched_ids: tuple[int, ...]


def unpaired_answers(
    rows: Sequence[PreferencePair | Negative],
    tokenizer: "PreTrainedTokenizerBase",
    params: KTOParams,
) -> list[UnpairedAnswer]:
    """Return the answers of all rows: two of a pair, the rejected one of a negative.

    An answer that has no room within the token limits is empty; that of its pair stays.
    """
    return [
        UnpairedAnswer(_id(row), _encode(row.messages, text, tokenizer, params), desirable)
        for row in rows
        for text, desirable in _texts(row)
    ]


def kto_rows(answers: Sequence[UnpairedAnswer], params: KTOParams, group: int) -> list[KTORow]:
    """Return the answers in a shuffled order, each with the one before it in its group of `group`.

    The first of a group takes the last one's answer, so a batch measures the reference point on
    its own answers. An answer that is alone in the last group takes the one before that group.

    Raises:
        InputError: there is only one answer, so there is no other one to measure by, or `group`
            leaves an answer alone in its batch.
    """
    if len(answers) < 2 or group < 2:  # noqa: PLR2004 an answer and another one
        raise InputError(
            f"KTO measures its reference point on other answers, but there are {len(answers)} "
            f"answers in batches of {group} on each device; give at least 2 answers, and a "
            "batch_size of at least 2 for every process"
        )
    generator = torch.Generator().manual_seed(params.seed)
    order = torch.randperm(len(answers), generator=generator).tolist()
    shuffled = [answers[index] for index in order]
    rows = []
    for place, answer in enumerate(shuffled):
        first = place - place % group
        last = min(first + group, len(shuffled)) - 1
        other = place - 1 if place > first or first == last else last
        rows.append(KTORow(answer, shuffled[other].encoded.completion_ids))
    return rows


def _id(row: PreferencePair | Negative) -> str:
    return row.pair_id if isinstance(row, PreferencePair) else row.negative_id


def _texts(row: PreferencePair | Negative) -> list[tuple[str, bool]]:
    if isinstance(row, PreferencePair):
        return [(row.chosen, True), (row.rejected, False)]
    return [(row.rejected, False)]


def _encode(
    messages: Sequence[Message],
    text: str,
    tokenizer: "PreTrainedTokenizerBase",
    params: KTOParams,
) -> Encoded:
    return encode(
        messages,
        text,
        tokenizer,
        max_prompt_tokens=params.max_prompt_tokens,
        max_tokens=params.max_tokens,
    )
