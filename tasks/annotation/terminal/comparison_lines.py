"""A comparison as lines for a terminal."""

from collections.abc import Sequence
from itertools import zip_longest

from rich.text import Text

from tasks.annotation.queue.assignment import Assignment
from tasks.annotation.terminal.visible_text import visible
from tasks.annotation.terminal.wrapped_lines import padded, wrapped_lines

CELLS_BESIDE = 60
"""Answers stand side by side where each has as many cells as this: two of them in 120 columns."""
_BETWEEN = " │ "
_MOST_INSTRUCTION_LINES = 3
_SPEAKERS = {
    "user": "asked",
    "assistant": "answered",
    "system": "system",
    "text": "text to continue",
}


def comparison_lines(
    assignment: Assignment, instructions: str, width: int, encoding: str
) -> list[Text]:
    """Return instructions, conversation and answers in the order of this person's screen.

    Nothing of a text acts on the terminal, and nothing tells which answer is whose.
    """
    item = assignment.item
    lines = _instructions(visible(instructions.strip(), encoding), width)
    for message in item.messages:
        lines += [_heading(_SPEAKERS.get(message.role, message.role), width)]
        lines += _plain(wrapped_lines(visible(message.content, encoding), width))
    texts = [visible(item.side(letter).text, encoding) for letter in assignment.shown_order]
    if width >= CELLS_BESIDE * len(texts):
        return [*lines, *_beside(texts, width)]
    for place, text in enumerate(texts, start=1):
        lines += [_heading(f"answer {place}", width)]
        lines += _plain(wrapped_lines(text, width))
    return lines


def _instructions(text: str, width: int) -> list[Text]:
    """Return the first lines of the instructions; all of them stand with the keys."""
    lines = wrapped_lines(text, width) if text else []
    if len(lines) > _MOST_INSTRUCTION_LINES:
        lines = [*lines[: _MOST_INSTRUCTION_LINES - 1], "… press ? for all of the instructions"]
    return [Text(line, style="italic") for line in lines]


def _beside(texts: Sequence[str], width: int) -> list[Text]:
    cells = (width - len(_BETWEEN) * (len(texts) - 1)) // len(texts)
    columns = [wrapped_lines(text, cells) for text in texts]
    heads = [_heading(f"answer {place}", cells) for place in range(1, len(texts) + 1)]
    rows = [
        _BETWEEN.join(padded(line, cells) for line in row)
        for row in zip_longest(*columns, fillvalue="")
    ]
    return [Text(_BETWEEN).join(heads), *_plain(rows)]


def _heading(name: str, width: int) -> Text:
    return Text(f"── {name} ".ljust(width, "─"), style="bold cyan")


def _plain(lines: Sequence[str]) -> list[Text]:
    return [Text(line) for line in lines]
