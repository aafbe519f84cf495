"""Whether a policy has seen what it is asked."""

from collections.abc import Iterable

from storage.input_error import InputError
from storage.tables.prompts import Prompt


def check_unseen(held_out: Iterable[Prompt], trained: Iterable[Prompt], where: str) -> None:
    """Check that no held-out prompt has a copy or near copy among the training prompts.

    Copies are in one cluster. `where` names the data that the policies were trained on.

    Raises:
        InputError: some have; the message counts them.
    """
    clusters = {prompt.cluster for prompt in trained if prompt.split == "train"}
    asked = list(held_out)
    seen = [prompt for prompt in asked if prompt.cluster in clusters]
    if seen:
        raise InputError(
            f"{len(seen):,} of {len(asked):,} evaluation prompts (the first is {seen[0].origin}) "
            f"were trained on: {where} has them in its split train. Evaluate on the prompts of the "
            "data that the policies learned from (leave prompts empty), or split both with the same "
            "curate.seed and shares"
        )
