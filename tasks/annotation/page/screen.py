"""What the page shows of a comparison: nothing by which its answers could be recognised."""

from dataclasses import asdict
from typing import Any

from tasks.annotation.page.render_markdown import rendered
from tasks.annotation.queue.assignment import Assignment, GivenLabel, NothingLeft
from tasks.annotation.queue.queue_state import Progress, QueueState

Json = dict[str, Any]


def screen(queue: QueueState, shown: Assignment | NothingLeft, progress: Progress) -> Json:
    """Return one person's screen as JSON.

    Answers are called by their position on it, the first is 1. Letters, ids of completions, sources
    and judges are not in it.
    """
    return {
        "item": _item(queue, shown) if isinstance(shown, Assignment) else None,
        "why_empty": shown.reason if isinstance(shown, NothingLeft) else None,
        "progress": asdict(progress),
        "instructions_html": rendered(queue.params.instructions),
    }


def _item(queue: QueueState, shown: Assignment) -> Json:
    item = shown.item
    turns = [(message.role, message.content) for message in item.messages]
    # What continues a plain text is plain text, too.
    role = "text" if turns and turns[-1][0] == "text" else "assistant"
    return {
        "item_id": item.item_id,
        "messages": [{"role": who, "html": rendered(said, role=who)} for who, said in turns],
        "responses": [
            {"position": position, "html": rendered(item.side(letter).text, role=role)}
            for position, letter in enumerate(shown.shown_order, start=1)
        ],
        "min_seconds": queue.params.min_reading_seconds,
        "elapsed_seconds": shown.elapsed_seconds,
        "before": None if shown.before is None else _before(shown.before, shown.shown_order),
    }


def _before(label: GivenLabel, shown_order: str) -> Json:
    worst = label.worst
    return {
        "choice": _position(label.choice, shown_order),
        "worst": None if worst is None else _position(worst, shown_order),
        "strength": label.strength,
        "note": label.note,
    }


def _position(said: str, shown_order: str) -> int | str:
    """Return where a letter stands; tie, both_bad and skip stand for themselves."""
    return shown_order.index(said) + 1 if len(said) == 1 else said
