"""The two answers of each pair of the data set, to be compared again."""

from collections.abc import Iterable, Sequence

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from tasks.judging.dataset_answers import dataset_answers


def dataset_candidates(pairs: Iterable[PreferencePair]) -> list[Completion]:
    """Return both answers of the first pair of each prompt.

    One pair a prompt, so that answers which nobody compared are not compared by the judge either.
    """
    first = {pair.prompt_id: pair for pair in reversed(list(pairs))}
    return [answer for pair in reversed(first.values()) for answer in dataset_answers(pair)]


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
