"""Preference pairs become comparisons."""

from collections.abc import Iterable

from storage.tables.pairs import PreferencePair
from tasks.annotation.comparison_item import ComparisonItem, Response
from tasks.judging.dataset_answers import dataset_answers


def compare_pairs(pairs: Iterable[PreferencePair]) -> list[ComparisonItem]:
    """Return both answers of each pair, whose labeler preferred side a; equal texts are left out.

    Answers that were not sampled get the ids that the method relabel gives them, so that what people
    say of them meets what a judge says of them.
    """
    return [_item(pair) for pair in pairs if pair.chosen != pair.rejected]


def _item(pair: PreferencePair) -> ComparisonItem:
    chosen, rejected = dataset_answers(pair)
    return ComparisonItem(
        prompt_id=pair.prompt_id,
        source=pair.source,
        split=pair.split,
        messages=pair.messages,
        origin=pair.origin,
        responses=(
            Response(completion_id=pair.chosen_id or chosen.completion_id, text=pair.chosen),
            Response(completion_id=pair.rejected_id or rejected.completion_id, text=pair.rejected),
        ),
        judge=pair.labeler,
        judged="a",
    )
