"""The two answers of each pair of the data set, to be compared again."""

from collections.abc import Iterable, Sequence

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt

CHOSEN, REJECTED = "dataset:chosen", "dataset:rejected"
"""The policies of such answers: whom people preferred stands in the name, and no judge sees it."""


def dataset_candidates(pairs: Iterable[PreferencePair]) -> list[Completion]:
    """Return both answers of the first pair of each prompt.

    One pair a prompt, so that answers which nobody compared are not compared by the judge either.
    """
    first = {pair.prompt_id: pair for pair in reversed(list(pairs))}
    return [
        Completion(
            prompt_id=pair.prompt_id,
            policy=policy,
            text=text,
            sample_index=index,
            temperature=1.0,
            seed=0,
            finish_reason="stop",
            num_tokens=0,
        )
        for pair in reversed(first.values())
        for index, (policy, text) in enumerate(((CHOSEN, pair.chosen), (REJECTED, pair.rejected)))
    ]


def with_candidates(prompts: Sequence[Prompt], candidates: Iterable[Completion]) -> list[Prompt]:
    """Return the prompts that the data set has a pair for.

    Raises:
        InputError: it has none.
    """
    paired = {candidate.prompt_id for candidate in candidates}
    kept = [prompt for prompt in prompts if prompt.prompt_id in paired]
    if not kept:
        raise InputError(
            f"pairs.method is 'relabel' but none of {len(prompts)} prompts has a pair in the data set; "
            "use a source with pairs (hh-rlhf, preferences), or another method"
        )
    return kept
