"""Print what API calls cost, or would cost."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from storage.store import open_store
from storage.tables.spending import Spending
from tasks.sampling.api.ledger import read_ledger
from tasks.stage_run import DryRunResult


def show_spending(root: str) -> None:
    """Print what each run spent on each model, oldest first, and the sum."""
    rows = read_ledger(open_store(root, create=False).journal_path)
    Console().print(spending_table(rows))


def spending_table(rows: list[Spending]) -> Table:
    """Return what each run spent on each model.

    `failed` are attempts without a reply. `unknown` are the most tokens that attempts can have used
    whose reply never came whole; they count in the dollars, as a provider may have billed them.
    """
    table = Table(
        title="spent", title_justify="left", show_footer=True, box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("run", footer="all")
    table.add_column("model", no_wrap=True)
    _add_number(table, "calls", sum(row.calls for row in rows))
    _add_number(table, "failed", sum(row.attempts_failed for row in rows))
    _add_number(table, "tokens in", sum(row.prompt_tokens for row in rows))
    _add_number(table, "out", sum(row.completion_tokens for row in rows))
    _add_number(table, "unknown", sum(row.tokens_unreported for row in rows))
    total = sum(row.cost_usd or 0.0 for row in rows)
    table.add_column("dollars", justify="right", footer=f"{total:,.4f}")
    for row in rows:
        table.add_row(
            row.flow_run[:8],
            row.model,
            f"{row.calls:,}",
            f"{row.attempts_failed:,}",
            f"{row.prompt_tokens:,}",
            f"{row.completion_tokens:,}",
            f"{row.tokens_unreported:,}",
            _dollars(row.cost_usd),
        )
    return table


def planned_table(result: DryRunResult) -> Table:
    """Return what a stage would ask and spend."""
    title = f"{result.stage} would ask"
    table = Table(
        title=title, title_justify="left", show_footer=True, box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("model", footer="all; none was asked")
    _add_number(table, "calls", sum(row.calls for row in result.planned))
    _add_number(table, "paid for already", sum(row.calls_reused for row in result.planned))
    _add_number(table, "tokens in, about", sum(row.prompt_tokens for row in result.planned))
    completion = sum(row.completion_tokens for row in result.planned)
    _add_number(table, "out, at most", completion)
    costs = [row.cost_usd for row in result.planned]
    total = None if None in costs else sum(cost or 0.0 for cost in costs)
    table.add_column("dollars, at most", justify="right", footer=_dollars(total))
    for row in result.planned:
        table.add_row(
            row.model,
            f"{row.calls:,}",
            f"{row.calls_reused:,}",
            f"{row.prompt_tokens:,}",
            f"{row.completion_tokens:,}",
            _dollars(row.cost_usd),
        )
    return table


def _add_number(table: Table, heading: str, total: int) -> None:
    table.add_column(heading, justify="right", footer=f"{total:,}")


def _dollars(cost_usd: float | None) -> str:
    return "price unknown" if cost_usd is None else f"{cost_usd:,.4f}"
