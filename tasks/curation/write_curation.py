"""Writing what curation keeps, what it refuses and what it found."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storage.tables.demonstrations import DEMONSTRATIONS, Demonstration
from storage.tables.dispreferred import DISPREFERRED, Dispreferred
from storage.tables.examples import Example
from storage.tables.pairs import PAIRS, PreferencePair
from storage.tables.prompts import PROMPTS, Prompt
from storage.tables.quality import QUALITY
from storage.tables.quarantine import QUARANTINE
from storage.tables.table import Table
from storage.writer import StageWriter
from tasks.curation.curate import Batches, Curation
from tasks.curation.placed_rows import Placed, placed_rows, refusals

PLACED: Mapping[type, Table[Any]] = {
    Prompt: PROMPTS,
    Demonstration: DEMONSTRATIONS,
    PreferencePair: PAIRS,
    Dispreferred: DISPREFERRED,
}
REPORTED = (QUARANTINE, QUALITY)


def write_placed(batches: Batches, curation: Curation, writer: StageWriter) -> None:
    """Write the rows of all examples that are not refused, each row once, and the counts."""
    seen: set[int] = set()
    written: Counter[str] = Counter()
    index = 0
    for batch in batches(None):
        new: dict[type, dict[str, Placed]] = {kind: {} for kind in PLACED}
        for row in _placed(batch, curation, index):
            row_id = getattr(row, PLACED[type(row)].id_column)
            known = int(row_id, 16)
            if known not in seen:
                seen.add(known)
                new[type(row)][row_id] = row
        for kind, table in PLACED.items():
            rows = new[kind]
            writer.write_arrow(table, table.to_arrow(list(rows.values()), list(rows)))
            written[table.name] += len(rows)
        index += len(batch)
    refused = curation.refused_rows
    rows_read = sum(curation.num_rows)
    writer.stats(
        PROMPTS,
        rows_read=rows_read,
        rows_kept=rows_read - refused.total(),
        duplicates=0,
        refused=dict(sorted(refused.items())),
        written=dict(written),
    )


def write_report(batches: Batches, curation: Curation, writer: StageWriter) -> None:
    """Write the refused rows and the findings."""
    writer.write(QUALITY, curation.findings)
    if not curation.refused:
        return
    index = 0
    for batch in batches(None):
        for example in batch:
            if reason := curation.refused.get(index):
                writer.write(QUARANTINE, refusals(example, reason))
            index += 1


def _placed(batch: Sequence[Example], curation: Curation, start: int) -> Iterator[Placed]:
    for index, example in enumerate(batch, start):
        if index not in curation.refused:
            yield from placed_rows(
                example, cluster=curation.clusters[index], split=curation.splits[index]
            )
