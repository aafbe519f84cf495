"""Demonstrations that training does not see."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from storage.input_error import InputError
from tasks.training.sft.encode_demonstrations import EncodedDemonstration


@dataclass(frozen=True, slots=True)
class HeldOutSplit:
    """Demonstrations to train on and those kept aside, in the order that they had."""

    trained: tuple[EncodedDemonstration, ...]
    held_out: tuple[EncodedDemonstration, ...]


def hold_out(rows: Sequence[EncodedDemonstration], share: float, seed: int) -> HeldOutSplit:
    """Return the split that holds out `share` of the prompts, at least one; 0 holds out none.

    No prompt has demonstrations on both sides. Which ones are held out depends on the seed and the
    prompts' ids, not on their order.

    Raises:
        InputError: there are too few prompts for both sides.
    """
    if share == 0:
        return HeldOutSplit(trained=tuple(rows), held_out=())
    prompts = sorted({row.prompt_id for row in rows}, key=lambda prompt: _rank(prompt, seed))
    num_held_out = max(1, round(share * len(prompts)))
    if num_held_out >= len(prompts):
        raise InputError(
            f"eval_share ({share}) of {len(prompts)} prompts leaves none to train on; give more "
            "demonstrations or set eval_share to 0"
        )
    chosen = set(prompts[:num_held_out])
    return HeldOutSplit(
        trained=tuple(row for row in rows if row.prompt_id not in chosen),
        held_out=tuple(row for row in rows if row.prompt_id in chosen),
    )


def _rank(prompt_id: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{prompt_id}".encode()).digest()
