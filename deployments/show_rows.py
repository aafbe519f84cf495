"""Print what became of the rows of a source."""

from collections import Counter
from collections.abc import Sequence

from rich.table import Table

from storage.store import open_store
from tasks.stage_run import StageResult


def rows_table(root: str, stages: Sequence[StageResult]) -> Table | None:
    """Return kept, refused by reason and duplicate rows of the ingest among `stages`, or None.

    Rows that curation refused count as refused, not as kept.
    """
    outputs = {stage.stage: stage.outputs for stage in stages}
    if "ingest" not in outputs:
        return None
    store = open_store(root, create=False)
    read = store.get(outputs["ingest"]["examples"])
    kept = read.stats["rows_kept"]
    refused = Counter(read.stats["refused"])
    if "curate" in outputs:
        checked = store.get(outputs["curate"]["prompts"]).stats
        kept = checked["rows_kept"]
        refused += Counter(checked["refused"])
    table = Table(title=f"rows of {read.params['source']}", title_justify="left", show_footer=True)
    table.add_column("", footer="read")
    table.add_column("rows", justify="right", footer=f"{read.stats['rows_read']:,}")
    table.add_row("kept", f"{kept:,}")
    for reason, count in refused.most_common():
        table.add_row(f"refused: {reason}", f"{count:,}")
    table.add_row("duplicates", f"{read.stats['duplicates']:,}")
    return table
