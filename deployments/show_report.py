"""Print the results of an evaluation and write its HTML report."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from storage.store import open_store
from tasks.evaluation.report_file import report_path, write_report
from tasks.evaluation.report_terminal import terminal_table
from tasks.evaluation.task import read_report_data


def estimates_table(root: str, estimates: str) -> Table:
    """Return the key results of an evaluation as a table for the terminal."""
    return terminal_table(read_report_data(open_store(root, create=False), estimates))


def show_report(root: str, reference: str, out: str | None) -> None:
    """Print the key results and write the HTML file."""
    from tasks.evaluation.report_html import render_html

    store = open_store(root, create=False)
    estimates = store.resolve("estimates", reference).artifact_id
    data = read_report_data(store, estimates)
    path = write_report(render_html(data), Path(out) if out else report_path(root, estimates))
    console = Console()
    console.print(terminal_table(data))
    console.print(f"report: {path}", soft_wrap=True)
