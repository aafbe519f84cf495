"""Dispreferred answers as negatives that have no anchors yet."""

from collections.abc import Iterable

from storage.tables.dispreferred import Dispreferred
from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair


def without_anchors(
    pairs: Iterable[PreferencePair], dispreferred: Iterable[Dispreferred]
) -> list[Negative]:
    """Return one negative for each pair and each bare answer, in order.

    The chosen answer of a pair is not used. An answer that is dispreferred in several rows of the
    same prompt counts once.
    """
    negatives: dict[tuple[str, str], Negative] = {}
    for pair in pairs:
        negatives.setdefault((pair.prompt_id, pair.rejected), _negative(pair, pair.pair_id))
    for answer in dispreferred:
        negatives.setdefault((answer.prompt_id, answer.rejected), _negative(answer, None))
    return list(negatives.values())


def _negative(row: PreferencePair | Dispreferred, pair_id: str | None) -> Negative:
    return Negative(
        prompt_id=row.prompt_id,
        pair_id=pair_id,
        source=row.source,
        split=row.split,
        messages=row.messages,
        rejected=row.rejected,
        origin=row.origin,
    )
