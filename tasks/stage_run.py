"""What every task.py does around its pure function: reuse, write once, say how far it is."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.runtime import flow_run
from pydantic import BaseModel
from tqdm import tqdm

from storage.store import Store
from storage.tables.table import Table
from storage.work import Work
from storage.writer import StageWriter
from tasks.progress import Progress

SECONDS_BETWEEN_UPDATES = 2.0
SECONDS_BETWEEN_LINES = 30.0


class StageResult(BaseModel):
    """What a stage task hands on: ids and figures, never rows."""

    stage: str
    outputs: dict[str, str]
    """Artifact id of each table that the stage writes."""
    rows: dict[str, int]
    reused: bool
    """The work had been done before and was not done again."""
    seconds: float
    incomplete: str = ""
    """What is missing and how to get it, for a stage whose budget or server did not last; it is
    done again, at the cost of what is missing, when it is asked for again."""


class PlannedCalls(BaseModel):
    """What a stage would ask one model; `cost_usd` is null where the price is unknown."""

    model: str
    calls: int
    calls_reused: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


class DryRunResult(BaseModel):
    """What a stage would ask and spend, at most, if it ran."""

    stage: str
    planned: list[PlannedCalls]


class StagesResult(BaseModel):
    """What a flow of several stages made or reused, in order."""

    stages: list[StageResult]


def run_stage(
    store: Store,
    work: Work,
    tables: Sequence[Table[Any]],
    body: Callable[[StageWriter], None],
    *,
    rerun: bool,
) -> StageResult:
    """Return the artifacts of `work`, from the store if it was done before.

    `body` computes and writes to its writer; nothing is visible before all of it is committed.
    With `rerun` the work is done again and its artifacts supersede the earlier ones.
    """
    log = get_run_logger()
    started = time.monotonic()
    found = None if rerun else store.find(work)
    outputs = found
    if outputs is None:
        with store.begin(work, tables, flow_run_id=flow_run.get_id() or "") as writer:
            body(writer)
            outputs = writer.commit()
    rows = {table: artifact.rows for table, artifact in outputs.items()}
    seconds = time.monotonic() - started
    counts = ", ".join(f"{count} {table}" for table, count in rows.items())
    verb = "reused" if found else "made"
    log.info("%s: %s %s in %.1f s", work.stage, verb, counts, seconds)
    create_table_artifact(
        [
            {"table": table, "rows": artifact.rows, "artifact": artifact.artifact_id, "": verb}
            for table, artifact in outputs.items()
        ],
        key=work.stage,
        description=f"What the stage {work.stage} {verb}; parameters in the artifact's manifest.",
    )
    return StageResult(
        stage=work.stage,
        outputs={table: artifact.artifact_id for table, artifact in outputs.items()},
        rows=rows,
        reused=found is not None,
        seconds=seconds,
    )


@contextmanager
def shown_progress(description: str) -> Iterator[Progress]:
    """Yield a Progress that fills a bar in the terminal and a progress artifact in Prefect.

    A line now and then in Prefect's log says the same.
    """
    log = get_run_logger()
    artifact = cast("UUID", create_progress_artifact(progress=0.0, description=description))
    updated = written = time.monotonic()
    with tqdm(desc=description, disable=None, leave=False) as bar:

        def show(done: int, total: int, note: str = "") -> None:
            nonlocal updated, written
            bar.total = total
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)
            now = time.monotonic()
            if now - updated > SECONDS_BETWEEN_UPDATES:
                updated = now
                update_progress_artifact(artifact, 100 * done / max(total, 1))
            if now - written > SECONDS_BETWEEN_LINES:
                written = now
                log.info("%s: %d of %d%s", description, done, total, f", {note}" if note else "")

        yield show
    update_progress_artifact(artifact, 100.0)
