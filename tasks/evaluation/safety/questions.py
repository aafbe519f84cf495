"""Which prompts a safety check asks, and which dispreferred answers it scores."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.input_error import InputError
from storage.tables.dispreferred import Dispreferred
from storage.tables.examples import Example
from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.table import row_id


@dataclass(frozen=True, slots=True)
class SafetyQuestions:
    """The prompts that are asked and the dispreferred answers, with words on where each is from."""

    prompts: list[Prompt]
    dispreferred: list[Dispreferred]
    prompts_from: str
    dispreferred_from: str


def questions_of_curation(
    prompts: Sequence[Prompt],
    dispreferred: Sequence[Dispreferred],
    pairs: Sequence[PreferencePair],
    *,
    num_prompts: int,
    seed: int,
) -> SafetyQuestions:
    """Return the questions of curated data: what was held out (split eval), else the training rows.

    The rejected answers of pairs are dispreferred ones too. A small file has few held-out rows or
    none; then both come from the rows that were trained on, which says so in its words.

    Raises:
        InputError: there is no prompt at all.
    """
    unwanted = [*dispreferred, *dispreferred_of(pairs)]
    asked = [row for row in prompts if row.split == "eval"]
    held_out = [row for row in unwanted if row.split == "eval"]
    trained = [row for row in unwanted if row.split == "train"]
    asked_from = "held-out prompts"
    if not asked:
        asked_from = "training prompts, as none is held out"
        asked = [row for row in prompts if row.split == "train"]
    chosen = _draw(asked, num_prompts, seed)
    if not chosen:
        raise InputError(
            f"none of {len(prompts)} prompts is in the split eval or train; give --prompts a file of "
            "prompts, or ingest more rows"
        )
    scored = held_out or trained
    where = "held-out rows" if held_out else "training rows, as none is held out"
    return SafetyQuestions(chosen, _of_prompts(scored, num_prompts, seed), asked_from, where)


def questions_of_examples(
    examples: Iterable[Example], *, num_prompts: int, seed: int
) -> SafetyQuestions:
    """Return the questions of a file: all its prompts, and its dispreferred answers if it has any.

    Raises:
        InputError: the file holds no row that can be used.
    """
    prompts: dict[str, Prompt] = {}
    unwanted: list[Dispreferred] = []
    for row in examples:
        prompt = Prompt(
            source=row.source,
            split="eval",
            messages=row.messages,
            cluster="",
            meta=row.meta,
            origin=row.origin,
        )
        prompts.setdefault(prompt.prompt_id, prompt)
        rejected = () if row.rejected is None else (row.rejected,)
        unwanted += [_dispreferred(prompt, text) for text in (*row.negatives, *rejected)]
    chosen = _draw(list(prompts.values()), num_prompts, seed)
    if not chosen:
        raise InputError("the file of prompts holds no row that can be used; see the quarantine")
    return SafetyQuestions(
        chosen, _of_prompts(unwanted, num_prompts, seed), "the given file", "the given file"
    )


def dispreferred_of(rows: Iterable[PreferencePair | Negative]) -> list[Dispreferred]:
    """Return the dispreferred answers of pairs or negatives."""
    return [_rejected(row) for row in rows]


def _draw(prompts: Sequence[Prompt], count: int, seed: int) -> list[Prompt]:
    return sorted(prompts, key=lambda row: row_id(seed, row.prompt_id))[:count]


def _of_prompts(rows: Sequence[Dispreferred], count: int, seed: int) -> list[Dispreferred]:
    """Return the rows of so many prompts, drawn by the seed as prompts are."""
    ids = sorted({row.prompt_id for row in rows}, key=lambda identifier: row_id(seed, identifier))
    kept = set(ids[:count])
    return [row for row in rows if row.prompt_id in kept]


def _rejected(pair: PreferencePair | Negative) -> Dispreferred:
    return Dispreferred(
        prompt_id=pair.prompt_id,
        source=pair.source,
        split=pair.split,
        messages=pair.messages,
        rejected=pair.rejected,
        origin=pair.origin,
    )


def _dispreferred(prompt: Prompt, text: str) -> Dispreferred:
    return Dispreferred(
        prompt_id=prompt.prompt_id,
        source=prompt.source,
        split=prompt.split,
        messages=prompt.messages,
        rejected=text,
        origin=prompt.origin,
    )
