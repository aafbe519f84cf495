"""Print what DuckDB answers."""

import csv
import json
import sys
from typing import Literal

from rich.console import Console

from deployments.print_rows import print_rows
from storage.store import open_store

MOST_TABLE_ROWS = 200


def run_sql(root: str, query: str, shape: Literal["table", "json", "csv"]) -> None:
    """Run one read-only SELECT over all artifacts and print its rows."""
    answer = open_store(root, create=False).sql(query)
    names, rows = answer.column_names, answer.to_pylist()
    if shape == "json":
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    elif shape == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([_defused(row[name]) for name in names] for row in rows)
    else:
        console = Console()
        print_rows(console, names, rows[:MOST_TABLE_ROWS])
        if len(rows) > MOST_TABLE_ROWS:
            console.print(f"the first {MOST_TABLE_ROWS} of {len(rows):,} rows; --csv has all")


def _defused(value: object) -> object:
    """Return text that a spreadsheet would run as a formula with an apostrophe before it."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
