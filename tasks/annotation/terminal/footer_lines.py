"""What stands below a comparison: progress, what was said so far, and the keys."""

from collections.abc import Iterable

from rich.text import Text

from tasks.annotation.queue.queue_state import Progress
from tasks.annotation.terminal.draft import Draft
from tasks.annotation.terminal.visible_text import visible
from tasks.annotation.terminal.wrapped_lines import wrapped_lines

_OTHERS = "t tie|b all bad|s skip|u undo|n note|c clear/slight|? help|q quit"


def progress_line(progress: Progress) -> str:
    """Return how far the person and the queue are, in one line."""
    parts = [
        f"{progress.mine:,} by you",
        f"{progress.num_labels:,} of {progress.num_wanted:,} labels",
    ]
    if progress.per_hour is not None:
        parts.append(f"{progress.per_hour:,.0f} an hour")
    if progress.median_seconds is not None:
        parts.append(f"median {progress.median_seconds:,.1f} s")
    return " · ".join(parts)


def footer_lines(
    progress: Progress, draft: Draft, place: str, width: int, encoding: str
) -> list[Text]:
    """Return the lines below a comparison; `place` says which part of it is in sight."""
    count = len(draft.assignment.shown_order)
    lines = [Text("─" * width, style="cyan")]
    lines += _lines([" · ".join(part for part in (progress_line(progress), place) if part)], width)
    if said := draft.said():
        lines += _lines([visible(said, encoding)], width, "bold")
    if draft.message:
        lines += _lines([visible(draft.message, encoding)], width, "bold yellow")
    answers = " ".join(map(str, range(1, count + 1)))
    what = "better" if count == 2 else "worst" if draft.best else "best"  # noqa: PLR2004  - a pair
    return lines + _lines(_joined([f"{answers} {what}", *_OTHERS.split("|")], width), width, "dim")


def _joined(parts: Iterable[str], width: int) -> list[str]:
    """Return parts in as few lines as they fit, none of them broken."""
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]}   {part}" if lines[-1] else part
        if len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def _lines(texts: Iterable[str], width: int, style: str = "") -> list[Text]:
    return [Text(line, style=style) for text in texts for line in wrapped_lines(text, width)]
