"""A report for the terminal and as Markdown."""

from typing import TYPE_CHECKING

from tasks.evaluation.headline import headline
from tasks.evaluation.report_data import ReportData
from tasks.evaluation.results_table import ResultCell, result_table
from tasks.evaluation.weaknesses import weaknesses
from tasks.evaluation.wording import figures, interval, sample_size

if TYPE_CHECKING:
    from rich.table import Table

_STYLES = {"better": "green", "worse": "red", "changed": "", "": "dim"}


def terminal_table(data: ReportData) -> "Table":
    """Return the key results: a line a policy and metric, so that it fits 80 columns."""
    from rich.table import Table
    from rich.text import Text

    results = result_table(data)
    said = headline(data)
    table = Table(title=Text(said.title), caption=Text(said.figures), title_style="bold")
    for name in ("policy", "metric", "value", "95 % interval", "n"):
        table.add_column(name, justify="left" if name in {"policy", "metric"} else "right")
    if results.reference:
        table.add_column(f"gain over {results.reference}", justify="right")
    for row in results.rows:
        cells = [cell for cell in row.cells if cell.own is not None]
        for index, cell in enumerate(cells):
            if cell.own is None:
                continue
            values = [
                Text(row.name if index == 0 else "", style="bold"),
                Text(cell.metric.title),
                Text(figures(cell.own)),
                Text(interval(cell.own)),
                Text(str(cell.own.num_prompts)),
            ]
            if results.reference:
                values.append(Text(_gain(cell), style=_STYLES[cell.verdict]))
            table.add_row(*values, end_section=index == len(cells) - 1)
    return table


def markdown(data: ReportData) -> str:
    """Return the key results and what is weak, as Markdown without any HTML."""
    results = result_table(data)
    said = headline(data)
    heads = ["policy", *(metric.title for metric in results.metrics)]
    lines = [
        f"## {_escaped(said.title)}",
        "",
        _escaped(said.figures),
        "",
        f"Source {_escaped(data.source)}, model {_escaped(data.model)}, seed {data.seed}.",
        "",
        "| " + " | ".join(_escaped(head) for head in heads) + " |",
        "|" + " --- |" * len(heads),
    ]
    lines += [
        "| " + " | ".join([_escaped(row.name), *(_cell(cell) for cell in row.cells)]) + " |"
        for row in results.rows
    ]
    if results.reference:
        lines += ["", f"After the semicolon: paired gain over {_escaped(results.reference)}."]
    lines += ["", "### What is weak here", ""]
    lines += [f"- {_escaped(sentence)}" for sentence in weaknesses(data)]
    if data.artifact_ids:
        lines += ["", "### Where it comes from", ""]
        lines += [f"- {_escaped(name)}: {_escaped(key)}" for name, key in data.artifact_ids.items()]
    return "\n".join(lines) + "\n"


def _gain(cell: ResultCell) -> str:
    return "" if cell.gain is None else f"{figures(cell.gain)} [{interval(cell.gain)}]"


def _cell(cell: ResultCell) -> str:
    if cell.own is None:
        return "-"
    own = f"{figures(cell.own)} [{interval(cell.own)}], n = {sample_size(cell.own)}"
    return f"{own}; {_gain(cell)}" if cell.gain is not None else own


def _escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is."""
    plain = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|" else letter for letter in plain)
