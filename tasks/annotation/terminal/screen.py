"""What a terminal shows of a comparison: a page of it, and the footer."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tasks.annotation.queue.queue_state import Progress
from tasks.annotation.terminal.comparison_lines import comparison_lines
from tasks.annotation.terminal.draft import Draft
from tasks.annotation.terminal.footer_lines import footer_lines
from tasks.annotation.terminal.visible_text import visible
from tasks.annotation.terminal.wrapped_lines import wrapped_lines

_FEWEST_LINES = 3
_RULES = "─│·…"
_ASCII = str.maketrans(_RULES, "-|-.")
_HELP = """\
1 2 …        choose an answer; with two also the arrows left and right.
             Of three or more first the best, then the worst.
Backspace    take the best answer back (Esc too)
t  b  s      tie (equally good), all bad, skip (somebody else is asked)
c  v         clearly better, slightly better; before you choose
n            write a note
u            undo your last label
Space Enter  go down; the arrows and Page Up and Down go up and down
q  Ctrl-C    quit; the comparison is kept for you for a while
"""


class Screen:
    """One terminal; lines of the present comparison are made once for a width."""

    def __init__(self, console: Console, instructions: str) -> None:
        self._console = console
        self._instructions = instructions
        self._has_rules = _has_rules(console.encoding)
        self._made: tuple[str, str, int] | None = None
        self._lines: list[Text] = []
        self._top = 0
        self._page = _FEWEST_LINES

    def show(self, draft: Draft, progress: Progress) -> None:
        """Show the part of the comparison that the person has come to, and the footer."""
        width, height = self._console.size
        self._make_lines(draft, width)
        for place in ("", "lines 0,000-0,000 of 0,000"):  # its length decides how much fits
            footer = footer_lines(progress, draft, place, width, self._console.encoding)
            self._page = max(height - len(footer) - 1, _FEWEST_LINES)
            if len(self._lines) <= self._page:
                break
        self._top = min(self._top, max(len(self._lines) - self._page, 0))
        end = min(self._top + self._page, len(self._lines))
        if self._page < len(self._lines):
            more = ", space for more" if end < len(self._lines) else ""
            place = f"lines {self._top + 1:,}-{end:,} of {len(self._lines):,}{more}"
            footer = footer_lines(progress, draft, place, width, self._console.encoding)
        self._console.clear()
        self._print([*self._lines[self._top : end], *footer])

    def scroll(self, pages: int) -> None:
        """Go down by so many pages, up if they are negative; a line stays in sight."""
        self._top = max(self._top + pages * max(self._page - 1, 1), 0)

    def show_help(self) -> None:
        """Show all instructions and what the keys do."""
        width = self._console.width
        instructions = visible(self._instructions.strip(), self._console.encoding)
        texts = (instructions, "", _HELP, "Any key goes back.")
        self._console.clear()
        self._print([Text(line) for text in texts for line in wrapped_lines(text, width)])

    def clear(self) -> None:
        """Show nothing."""
        self._console.clear()

    def say(self, text: str) -> None:
        """Print a sentence below what is shown."""
        shown = visible(text, self._console.encoding)
        self._print([Text(line) for line in wrapped_lines(shown, self._console.width)])

    def _make_lines(self, draft: Draft, width: int) -> None:
        assignment = draft.assignment
        key = (assignment.item.item_id, assignment.shown_order, width)
        if self._made is not None and self._made[0] != key[0]:
            self._top = 0
        if self._made != key:
            self._lines = comparison_lines(
                assignment, self._instructions, width, self._console.encoding
            )
            self._made = key

    def _print(self, lines: Sequence[Text]) -> None:
        """Print lines as they are; rules are drawn as the terminal's encoding can."""
        for line in lines:
            shown = line if self._has_rules else Text(line.plain.translate(_ASCII), line.style)
            self._console.print(shown, highlight=False, no_wrap=True, overflow="ignore", crop=False)


def _has_rules(encoding: str) -> bool:
    try:
        _RULES.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
