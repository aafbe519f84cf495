"""The ingest stage in Prefect."""

from collections import defaultdict
from dataclasses import asdict
from typing import Any

from prefect import task

from storage.store import open_store
from storage.tables.demonstrations import DEMONSTRATIONS, Demonstration
from storage.tables.pairs import PAIRS, PreferencePair
from storage.tables.prompts import PROMPTS, Prompt
from storage.tables.quarantine import QUARANTINE, Refusal
from storage.tables.table import Table
from storage.work import Work
from storage.writer import StageWriter
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source, source_fingerprint
from tasks.stage_run import StageResult, run_stage, shown_progress

STAGE = "ingest"
VERSION = 1
TABLES: dict[type, Table[Any]] = {
    Prompt: PROMPTS,
    Demonstration: DEMONSTRATIONS,
    PreferencePair: PAIRS,
    Refusal: QUARANTINE,
}
BATCH_ROWS = 10_000


@task(name=STAGE)
def ingest_task(params: IngestParams, root: str, *, rerun: bool = False) -> StageResult:
    """Read a source into prompts, demonstrations, pairs and quarantine."""
    store = open_store(root)
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params=params.model_dump(mode="json", exclude={"path"}),
        seed=params.seed,
        inputs=source_fingerprint(params),
    )

    def body(writer: StageWriter) -> None:
        with shown_progress(f"ingesting {params.source}") as progress:
            ingest = read_source(params, progress)
            batches: dict[type, list[Any]] = defaultdict(list)
            for row in ingest:
                batch = batches[type(row)]
                batch.append(row)
                if len(batch) == BATCH_ROWS:
                    writer.write(TABLES[type(row)], batch)
                    batch.clear()
        for kind, batch in batches.items():
            writer.write(TABLES[kind], batch)
        writer.stats(PROMPTS, **asdict(ingest.counts))

    return run_stage(store, work, tuple(TABLES.values()), body, rerun=rerun)
