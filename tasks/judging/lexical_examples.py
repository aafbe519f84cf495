"""The texts that a lexical judge learns from."""

from collections.abc import Iterable
from dataclasses import dataclass

from storage.input_error import InputError
from storage.tables.demonstrations import Demonstration
from storage.tables.pairs import PreferencePair

MIN_PER_CLASS = 10
_CLASSES = {"positive": 1, "negative": 0}


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts with their class (1 is preferred) and the prompt that each one answers."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]
    groups: tuple[str, ...]


def lexical_examples(
    demonstrations: Iterable[Demonstration], pairs: Iterable[PreferencePair]
) -> Examples:
    """Return the completions of labelled demonstrations, or of pairs where no label exists.

    A demonstration labelled `positive` is class 1, `negative` class 0, others are left out. If no
    demonstration carries a label, the chosen answer of a pair is class 1 and the rejected one class
    0; pairs whose two answers are the same text say nothing and are left out. Completions only: a
    judge that reads the prompt would score the prompt.

    Raises:
        InputError: fewer than 10 texts of either class.
    """
    rows = [
        (row.completion, _CLASSES[row.label], row.prompt_id)
        for row in demonstrations
        if row.label in _CLASSES
    ]
    if not rows:
        rows = [
            example
            for pair in pairs
            if pair.chosen != pair.rejected
            for example in ((pair.chosen, 1, pair.prompt_id), (pair.rejected, 0, pair.prompt_id))
        ]
    check_classes([label for _, label, _ in rows])
    return Examples(
        texts=tuple(text for text, _, _ in rows),
        labels=tuple(label for _, label, _ in rows),
        groups=tuple(group for _, _, group in rows),
    )


def check_classes(labels: Iterable[int]) -> None:
    """Refuse labels that no classifier can be fitted on.

    Raises:
        InputError: a label besides 0 and 1, or fewer than 10 texts of either class.
    """
    counted = list(labels)
    unknown = sorted(set(counted) - {0, 1})
    if unknown:
        raise InputError(f"class {unknown[0]!r} is not one of 0 (not preferred) and 1 (preferred)")
    positive, negative = counted.count(1), counted.count(0)
    if min(positive, negative) < MIN_PER_CLASS:
        raise InputError(
            f"a lexical judge needs at least {MIN_PER_CLASS} texts of each class and got "
            f"{positive} positive and {negative} negative ones; ingest more rows, or use a source "
            "whose demonstrations are labelled 'positive' and 'negative' or that has pairs"
        )
