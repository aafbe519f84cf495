"""A conflict as the admin page shows it."""

from dataclasses import dataclass

from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.figures.queue_figures import Conflict
from tasks.annotation.page.render_markdown import rendered


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """One turn of a conversation, as safe HTML."""

    role: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictView:
    """What people disagree on: safe HTML of the texts, and what each of them said.

    `answers` has (letter, html) in the order of the item, `said` (annotator, choice, note).
    """

    item_id: str
    messages: tuple[RenderedMessage, ...]
    answers: tuple[tuple[str, str], ...]
    said: tuple[tuple[str, str, str], ...]


def conflict_view(conflict: Conflict, item: ComparisonItem) -> ConflictView:
    """Return a conflict with the texts of its item."""
    is_text = bool(item.messages) and item.messages[-1].role == "text"
    role = "text" if is_text else "assistant"
    return ConflictView(
        item_id=conflict.item_id,
        messages=tuple(
            RenderedMessage(message.role, rendered(message.content, role=message.role))
            for message in item.messages
        ),
        answers=tuple(
            (letter, rendered(item.side(letter).text, role=role)) for letter in item.sides
        ),
        said=conflict.said,
    )
