"""Print what became of the rows of a source."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.table import Table

from storage.store import open_store
from tasks.stage_run import StageResult


def rows_table(root: str, stages: Sequence[StageResult]) -> Table | None:
    """Return what became of the rows that the ingest among `stages` read, None without one."""
    outputs = {stage.stage: stage.outputs for stage in stages}
    if "ingest" not in outputs:
        return None
    refused: Mapping[str, int] = {}
    if "curate" in outputs:
        curated = open_store(root, create=False).get(outputs["curate"]["prompts"])
        refused = curated.stats["refused"]
    return table_of_rows(root, outputs["ingest"]["examples"], refused)


def table_of_rows(root: str, examples: str, refused: Mapping[str, int]) -> Table:
    """Return kept, refused by reason and duplicate rows of the artifact `examples`.

    `refused` are rows by reason that curation refused after they were read.
    """
    read = open_store(root, create=False).get(examples)
    kept = read.stats["rows_kept"] - sum(refused.values())
    reasons = Counter(read.stats["refused"]) + Counter(refused)
    table = Table(title=f"rows of {read.params['source']}", title_justify="left", show_footer=True)
    table.add_column("", footer="read")
    table.add_column("rows", justify="right", footer=f"{read.stats['rows_read']:,}")
    table.add_row("kept", f"{kept:,}")
    for reason, count in reasons.most_common():
        table.add_row(f"refused: {reason}", f"{count:,}")
    table.add_row("duplicates", f"{read.stats['duplicates']:,}")
    if read.stats["rows_before"]:
        table.add_row("of these read before, not again", f"{read.stats['rows_before']:,}")
    if read.stats["not_drawn"]:
        table.add_row("not drawn by sample_size", f"{read.stats['not_drawn']:,}")
    return table
