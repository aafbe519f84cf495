"""Print what became of the prompts that were to give pairs."""

from rich.table import Table

from storage.store import open_store
from storage.tables.outcomes import OUTCOMES

_MEANINGS = {
    "paired": "gave at least one pair",
    "both-bad": "people find every answer bad",
    "pending": "not reached by the budget, or not labelled yet",
    "skipped": "people skipped it",
    "failed": "a call brought no reply",
    "refused": "the model or its provider withheld an answer",
    "flagged": "the verdict obeys an answer that addresses the judge",
    "unparsable": "no verdict could be read",
    "same-text": "the answers are one text",
    "too-few": "fewer than two answers",
    "undecided": "the verdict changed with the order of the answers, or people disagree",
    "tied": "no difference, or one below min_margin",
}


def outcomes_table(root: str, outcomes: str) -> Table:
    """Return how many prompts have each status, in the order of the statuses' precedence."""
    store = open_store(root, create=False)
    rows = store.rows(OUTCOMES, store.get(outcomes))
    table = Table(title="what became of the prompts", title_justify="left", show_footer=True)
    table.add_column("", footer="asked")
    table.add_column("prompts", justify="right", footer=f"{len(rows):,}")
    table.add_column("pairs", justify="right", footer=f"{sum(row.num_pairs for row in rows):,}")
    for status, meaning in _MEANINGS.items():
        of = [row for row in rows if row.status == status]
        if of:
            pairs = sum(row.num_pairs for row in of)
            table.add_row(f"{status}: {meaning}", f"{len(of):,}", f"{pairs:,}")
    return table
