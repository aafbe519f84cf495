"""Rows in a terminal: side by side where they fit, one under the other where they do not."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

LONGEST_CELL = 60
BETWEEN_COLUMNS = 3


def print_rows(console: Console, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as a table, or as one block a row if the table is wider than the terminal."""
    cells = [[_cell(row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    if sum(width + BETWEEN_COLUMNS for width in widths) < console.width:
        table = Table(*names)
        for line in cells:
            table.add_row(*(Text(cell) for cell in line))
        console.print(table)
        return
    longest_name = max(map(len, names))
    for number, row in enumerate(rows, start=1):
        console.rule(f"row {number}", align="left")
        for name in names:
            text = _cell(row[name], longest=console.width - longest_name - 2)
            console.print(Text(f"{name:<{longest_name}}  {text}"))


def _cell(value: object, longest: int = LONGEST_CELL) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 3] + "..."
