"""Text in lines that fit a width."""

from collections.abc import Iterator

from rich.cells import cell_len, get_character_cell_size

TAB = 4


def wrapped_lines(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` cells, broken at spaces where there are any.

    The space at a break is left out, all others stay: code keeps its indentation.
    """
    return [part for line in text.split("\n") for part in _parts(line.expandtabs(TAB), width)]


def padded(line: str, width: int) -> str:
    """Return `line` with spaces up to `width` cells."""
    return line + " " * (width - cell_len(line))


def _parts(line: str, width: int) -> Iterator[str]:
    start = 0
    while True:
        end = _fitting(line, start, width)
        if end == len(line):
            yield line[start:]
            return
        space = line.rfind(" ", start, end + 1)
        if space > start and not line[start:space].isspace():
            yield line[start:space]
            start = space + 1
        else:
            yield line[start:end]
            start = end


def _fitting(line: str, start: int, width: int) -> int:
    """Return where the part of a line ends that begins at `start` and fills the width."""
    if line.isascii():
        return min(start + width, len(line))
    cells = 0
    for place in range(start, len(line)):
        cells += get_character_cell_size(line[place])
        if cells > width:
            return max(place, start + 1)
    return len(line)
