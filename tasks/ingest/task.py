"""The ingest stage in Prefect."""

from collections import Counter
from dataclasses import asdict

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from storage.input_error import InputError
from storage.manifest import Artifact
from storage.store import Store, open_store
from storage.tables.examples import EXAMPLES
from storage.tables.quarantine import QUARANTINE
from storage.work import Work
from storage.writer import StageWriter
from tasks.ingest.ingest_rows import IngestCounts, IngestRows
from tasks.ingest.params import IngestParams
from tasks.ingest.prefix import Prefix
from tasks.ingest.read_hub import resolve_revision
from tasks.ingest.read_source import can_be_appended_to, read_source, source_fingerprint
from tasks.ingest.write_rows import write_rows
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.unfit_data import UnfitDataError

STAGE = "ingest"
VERSION = 2
TABLES = (EXAMPLES, QUARANTINE)
NOT_IN_KEY = {"path", "max_refused_share"}
"""Neither changes what is read: the content of the file counts, wherever it lies."""


@task(name=STAGE)
def ingest_task(params: IngestParams, root: str, *, rerun: bool = False) -> StageResult:
    """Read a source into examples, and its unusable rows into quarantine.

    Where the source is a file that was ingested before and has got more rows since, only those are
    read. What is written is the same as if all of it had been read.

    Raises:
        InputError: the source cannot be read.
        UnfitDataError: more than max_refused_share of it was refused; the refused rows are in
            quarantine then.
    """
    store = open_store(root)
    params = params.model_copy(update={"hub_revision": resolve_revision(params)})
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params=params.model_dump(mode="json", exclude=NOT_IN_KEY),
        seed=params.seed,
        inputs=source_fingerprint(params),
    )
    earlier = None if rerun else _earlier(store, work, params)

    def body(writer: StageWriter) -> None:
        with shown_progress(f"ingesting {params.source}") as progress:
            rows = read_source(params, progress, _prefix_of(earlier) if earlier else None)
            if earlier and rows.records and rows.records.skipped:
                _carry_over(store, earlier, writer, rows)
            write_rows(writer, rows)
        _check_sum(rows.counts, params)
        _check_unchanged(work, params)
        prefix = rows.records and rows.records.prefix
        writer.stats(
            EXAMPLES,
            **asdict(rows.counts),
            path=params.path,
            prefix=asdict(prefix) if prefix else None,
        )

    result = run_stage(store, work, TABLES, body, rerun=rerun)
    _report(store.get(result.outputs["examples"]), result.outputs["quarantine"], params)
    return result


def _earlier(store: Store, work: Work, params: IngestParams) -> Artifact | None:
    """Return the examples of an earlier ingest of the same file, the longest one, if there is one.

    Whether the file still begins with the same rows is for the reader to see.
    """
    if not can_be_appended_to(params):
        return None
    candidates = [
        artifact
        for artifact in store.artifacts("examples")
        if artifact.stage_version == VERSION
        and artifact.params == work.params
        and artifact.stats.get("prefix")
        and artifact.stats.get("path") == params.path
    ]
    return max(candidates, key=lambda found: found.stats["prefix"]["num_bytes"], default=None)


def _prefix_of(examples: Artifact) -> Prefix:
    """Return what the file held when these examples were read."""
    stored = examples.stats["prefix"]
    return Prefix(**{**stored, "columns": tuple(stored["columns"])})


def _carry_over(store: Store, earlier: Artifact, writer: StageWriter, rows: IngestRows) -> None:
    """Write what an earlier ingest made of the rows that are skipped."""
    stats = earlier.stats
    counts = IngestCounts(
        rows_read=stats["rows_read"],
        rows_kept=stats["rows_kept"],
        duplicates=stats["duplicates"],
        refused=stats["refused"],
    )
    rows.count_before(counts)
    for columns in store.batches(earlier):
        rows.know(columns.column("example_id").to_pylist())
        writer.write_arrow(EXAMPLES, columns)
    for columns in store.batches(store.get(earlier.outputs["quarantine"])):
        writer.write_arrow(QUARANTINE, columns)
    get_run_logger().info(
        "the file begins with the %d rows of examples %s: only rows after them are read",
        counts.rows_read,
        earlier.artifact_id[:12],
    )


def _check_sum(counts: IngestCounts, params: IngestParams) -> None:
    """Check that every row that was read is accounted for.

    Raises:
        RuntimeError: a row got lost; nothing is written then.
    """
    if counts.not_drawn and not params.sample_size:
        raise RuntimeError(
            f"{counts.rows_read:,} rows were read, but {counts.rows_kept:,} kept, "
            f"{counts.rows_refused:,} refused and {counts.duplicates:,} duplicates do not add up to "
            f"them: source {params.source!r} lost {counts.not_drawn:,}"
        )


def _check_unchanged(work: Work, params: IngestParams) -> None:
    """Check that what was read is what the work is found by: its rows would be reused for it.

    Raises:
        InputError: the source is another one than before it was read; nothing is written then.
    """
    if source_fingerprint(params) != work.inputs:
        raise InputError(
            f"{params.path or params.hub_id} changed while it was read; ingest it again when it is "
            "complete"
        )


def _report(examples: Artifact, quarantine: str, params: IngestParams) -> None:
    """Show what became of the rows, and stop if too many were refused."""
    stats = examples.stats
    refused = Counter(stats["refused"])
    outcomes = {"kept": stats["rows_kept"], "duplicates": stats["duplicates"], **refused}
    create_table_artifact(
        [{"rows": rows, "outcome": outcome} for outcome, rows in outcomes.items()],
        key="ingest-rows",
        description=f"What became of the {stats['rows_read']:,} rows of {params.source}.",
    )
    get_run_logger().info(
        "rows read %d = kept %d + refused %d + duplicates %d + not drawn %d",
        *(stats["rows_read"], stats["rows_kept"], refused.total(), stats["duplicates"]),
        stats["not_drawn"],
    )
    share = refused.total() / max(stats["rows_read"], 1)  # 29 of 100 is 0.29, 0.29 * 100 is not 29
    if share > params.max_refused_share:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in refused.most_common(5))
        raise UnfitDataError(
            f"{refused.total():,} of {stats['rows_read']:,} rows ({share:.1%}) of "
            f"{params.path or params.hub_id} are refused, more than max_refused_share "
            f"{params.max_refused_share:.1%}: {reasons}. They are kept: prefline artifact head "
            f"{quarantine[:12]}. Correct the source, or raise max_refused_share here and in curate, which counts "
            "these rows too",
            examples=examples.artifact_id,
            refused={},
        )
