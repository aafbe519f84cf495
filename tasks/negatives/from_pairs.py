"""The rejected answers of preference pairs as negatives."""

from collections.abc import Iterable

from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair


def negatives_from_pairs(pairs: Iterable[PreferencePair]) -> list[Negative]:
    """Return one negative per pair, in order, without anchors; the chosen answer is not used."""
    return [
        Negative(
            prompt_id=pair.prompt_id,
            pair_id=pair.pair_id,
            source=pair.source,
            split=pair.split,
            messages=pair.messages,
            rejected=pair.rejected,
            origin=pair.origin,
        )
        for pair in pairs
    ]
