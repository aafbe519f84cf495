"""Which of all comparisons people get."""

from collections.abc import Sequence
from random import Random

from storage.input_error import InputError
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.params import ComparisonsParams


def draw_items(
    found: Sequence[ComparisonItem], params: ComparisonsParams, *, what: str
) -> list[ComparisonItem]:
    """Return the comparisons of the split, each once, in a random order; gold items come last.

    Gold items are taken whatever their split is, and are not among those that are counted.

    Raises:
        InputError: none is left; `what` says where they were looked for.
    """
    unique = {item.item_id: item for item in reversed(found)}
    gold = [item for item in unique.values() if item.gold is not None]
    ordinary = [item for item in unique.values() if item.gold is None]
    of_split = [item for item in ordinary if params.split in {"all", item.split}]
    if not of_split:
        splits = ", ".join(sorted({item.split for item in ordinary})) or "none"
        raise InputError(
            f"{what} hold no comparison of split {params.split!r} (of all splits "
            f"{len(ordinary):,}: {splits}); set comparisons.split=all, or name others"
        )
    of_split.sort(key=lambda item: item.item_id)
    # The draw depends on the seed and the comparisons, not on the order in which they were stored.
    Random(params.seed).shuffle(of_split)  # noqa: S311  - a draw, no secret
    return of_split[: params.num_comparisons or None] + sorted(gold, key=lambda row: row.item_id)
