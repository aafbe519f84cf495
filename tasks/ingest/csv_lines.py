"""Lines of a CSV file, some of which are read twice because a row before them was broken."""

import csv
from collections import deque
from collections.abc import Iterator
from typing import Self

from tasks.ingest.source_file import MAX_LINE_BYTES, Line


class CsvLines:
    """Lines as texts for a csv.reader, and the lines that its present row took.

    A row that turns out to be broken costs only its first line: `give_back` returns the others, to
    be read again. No line is read more than twice. For when a row is broken in a line, all lines
    before that line ended inside its quotes, and any row that is still open at the end of one of
    them would go the same way: such a row is called broken without reading on.

    `num_taken` counts lines, those that were read twice twice. `ends_open` says that the content
    ended inside quotes.
    """

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._given_back: deque[Line] = deque()
        self._size = 0
        self.taken: list[Line] = []
        self.num_taken = 0
        self.ends_open = False

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> str:
        """Return the next line; bytes that are not UTF-8 become lone surrogates.

        Raises:
            csv.Error: the row cannot go on into this line.
        """
        if self.taken and (self._given_back or self._size > MAX_LINE_BYTES):
            raise csv.Error("a row that does not end")
        line = self._given_back.popleft() if self._given_back else next(self._lines, None)
        if line is None:
            self.ends_open = self.ends_open or bool(self.taken)
            raise StopIteration
        if line.sha256 and self.taken:
            self._given_back.append(line)
            raise csv.Error("a row that goes on into a line that is too long")
        self.taken.append(line)
        self._size += len(line.content)
        self.num_taken += 1
        if line.sha256:
            raise csv.Error("a line that is too long")
        return line.content.decode(errors="surrogateescape")

    def start_row(self) -> None:
        """Forget the lines of the row that was read."""
        self.taken = []
        self._size = 0

    def give_back(self) -> None:
        """Leave the present row its first line only."""
        self._given_back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
