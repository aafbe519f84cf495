"""Which prompts of a split are asked."""

from collections.abc import Iterable

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from storage.tables.table import row_id


def draw_prompts(
    prompts: Iterable[Prompt], *, split: str, num_prompts: int, seed: int
) -> list[Prompt]:
    """Return up to `num_prompts` prompts of a split, at most one of each cluster.

    Near copies would count one prompt several times over. The draw depends on the seed and on the
    prompts' ids, not on their order, and a larger draw contains the smaller one.

    Raises:
        InputError: the split has no prompt.
    """
    given = list(prompts)
    ranked = sorted(
        (prompt for prompt in given if prompt.split == split),
        key=lambda prompt: row_id(seed, prompt.prompt_id),
    )
    if not ranked:
        splits = sorted({prompt.split for prompt in given})
        raise InputError(
            f"none of {len(given)} prompts is in the split {split!r} (there is: "
            f"{', '.join(splits) or 'nothing'}); ingest more rows or raise the split's share"
        )
    first_of_cluster: dict[str, Prompt] = {}
    for prompt in ranked:
        first_of_cluster.setdefault(prompt.cluster, prompt)
    return list(first_of_cluster.values())[:num_prompts]
