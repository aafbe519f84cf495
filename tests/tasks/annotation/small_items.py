"""Comparisons of a few words each."""

from storage.tables.table import Message, row_id
from tasks.annotation.comparison_item import ComparisonItem, Response


def small_items(count: int, *, num_responses: int = 2, num_gold: int = 0) -> list[ComparisonItem]:
    """Return `count` comparisons of different prompts; of the last `num_gold`, side a is the best."""
    return [
        ComparisonItem(
            prompt_id=row_id("prompt", number),
            source="made",
            split="train",
            messages=(Message("user", f"Question {number}?"),),
            origin="made",
            responses=tuple(
                Response(
                    completion_id=row_id("completion", number, response),
                    text=f"Answer {response + 1} to question {number}.",
                )
                for response in range(num_responses)
            ),
            gold="a" if number >= count - num_gold else None,
        )
        for number in range(count)
    ]
