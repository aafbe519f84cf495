"""Labels of options and the ways in which they are spelled."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from storage.input_error import InputError
from storage.tables.prompts import Prompt

LABEL = r"(?:[0-9]{1,2}|[a-zA-Z])"
_SPELLED = re.compile(rf"(?:option|choice|answer)?\s*#?\s*[(\[]?\s*({LABEL})\s*[)\]]?\s*[.:)]*")
_DECORATION = " \t\r\n\"'`*_$"


@dataclass(frozen=True, slots=True)
class ChoiceKey:
    """Which options of a situation count as risk-averse, and which labels exist.

    All labels are normalised: `2`, `(2).`, `Option 2` and `"2"` are one label.
    """

    chosen: frozenset[str]
    rejected: frozenset[str]
    options: frozenset[str]


def normal_label(spelled: str) -> str | None:
    """Return the label that a spelling stands for (`2` for `Option (2).`), None if it is none."""
    match = _SPELLED.fullmatch(spelled.strip(_DECORATION).lower())
    return match[1].lstrip("0") or "0" if match else None


def choice_key(prompt: Prompt) -> ChoiceKey:
    """Return the key that the source wrote into `Prompt.meta`.

    Numbers or letters: the style of the first risk-averse label tells how the other options of the
    situation are named. A spelling listed for both sides belongs to neither.

    Raises:
        InputError: `meta` holds no `chosen_labels`, `rejected_labels` and `num_options`, or the
            risk-averse label is not a label.
    """
    try:
        meta = orjson.loads(prompt.meta)
        chosen_spellings = [str(label) for label in meta["chosen_labels"]]
        rejected_spellings = [str(label) for label in meta["rejected_labels"]]
        num_options = int(meta["num_options"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"prompt {prompt.prompt_id} of source {prompt.source!r} has no chosen_labels, "
            f"rejected_labels and num_options in its meta ({prompt.meta[:80]}), so the judge "
            "'choice' cannot score it; use it for source 'risk', and 'lexical' for others"
        ) from error
    chosen, rejected = _normal(chosen_spellings), _normal(rejected_spellings)
    both = chosen & rejected
    if not chosen - both:
        raise InputError(
            f"prompt {prompt.prompt_id} has no risk-averse label among {chosen_spellings} that is "
            f"not also among the others {rejected_spellings}; correct its row and ingest again"
        )
    named = {label for spelling in chosen_spellings[:1] if (label := normal_label(spelling))}
    options = _all_options(named or chosen, num_options)
    return ChoiceKey(chosen=chosen - both, rejected=rejected - both, options=options)


def _normal(spellings: Iterable[str]) -> frozenset[str]:
    return frozenset(label for spelling in spellings if (label := normal_label(spelling)))


def _all_options(named: Iterable[str], num_options: int) -> frozenset[str]:
    if any(label.isdigit() for label in named):
        return frozenset(str(number) for number in range(1, num_options + 1))
    return frozenset(chr(ord("a") + index) for index in range(num_options))
