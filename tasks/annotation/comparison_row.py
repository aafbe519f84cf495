"""A comparison as the store keeps it."""

from storage.tables.comparisons import HumanComparison
from tasks.annotation.comparison_item import ComparisonItem


def comparison_row(queue_id: str, item: ComparisonItem) -> HumanComparison:
    """Return an item of a queue as a row, with all texts."""
    return HumanComparison(
        comparison_id=item.item_id,
        queue=queue_id,
        prompt_id=item.prompt_id,
        source=item.source,
        split=item.split,
        messages=item.messages,
        completions=tuple(response.completion_id for response in item.responses),
        texts=tuple(response.text for response in item.responses),
        policies=tuple(response.policy for response in item.responses),
        judge=item.judge,
        judged=item.judged,
        gold=item.gold,
        origin=item.origin,
    )
