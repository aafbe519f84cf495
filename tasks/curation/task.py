"""The curation stage in Prefect."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from prefect import task
from prefect.artifacts import create_table_artifact

from storage.manifest import Artifact
from storage.store import Store, open_store
from storage.tables.demonstrations import DEMONSTRATIONS, Demonstration
from storage.tables.dispreferred import DISPREFERRED, Dispreferred
from storage.tables.examples import EXAMPLES, Example
from storage.tables.pairs import PAIRS, PreferencePair
from storage.tables.prompts import PROMPTS, Prompt
from storage.tables.quality import QUALITY
from storage.tables.quarantine import QUARANTINE
from storage.tables.table import Table
from storage.work import Work
from storage.writer import StageWriter
from tasks.curation.curate import Curation, curate
from tasks.curation.params import CurateParams
from tasks.curation.placed_rows import placed_rows, refusals
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.unfit_data import UnfitDataError

STAGE = "curate"
VERSION = 1
TABLES: Mapping[type, Table[Any]] = {
    Prompt: PROMPTS,
    Demonstration: DEMONSTRATIONS,
    PreferencePair: PAIRS,
    Dispreferred: DISPREFERRED,
}
REPORTED = (QUARANTINE, QUALITY)


class _UnfitError(Exception):
    """Data that must not be used; caught by the task, which keeps the quarantine and the report."""

    def __init__(self, curation: Curation, why: str) -> None:
        super().__init__(why)
        self.curation = curation


@task(name=STAGE)
def curate_task(
    examples: str, params: CurateParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Check examples, split them by prompt, and refuse what is not good enough.

    Raises:
        UnfitDataError: too much was refused, or a check that may stop the stage did. The quarantine
            and the report are in the store then.
    """
    store = open_store(root)
    artifact = store.get(examples)
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params={**params.model_dump(mode="json"), "source": artifact.params["source"]},
        parents=(examples,),
        seed=params.seed,
    )

    def body(writer: StageWriter) -> None:
        curation = _curated(store, artifact, params)
        why = _unfit(curation, artifact, params)
        if why:
            raise _UnfitError(curation, why)
        counts = _write_placed(store, artifact, curation, writer)
        _write_report(store, artifact, curation, writer)
        writer.stats(PROMPTS, **counts)

    try:
        return run_stage(store, work, (*TABLES.values(), *REPORTED), body, rerun=rerun)
    except _UnfitError as unfit:
        kept = _keep_report(store, work, artifact, unfit.curation)
        raise UnfitDataError(
            f"{unfit}. The report is {kept['quality'].artifact_id[:12]}, the refused rows are "
            f"{kept['quarantine'].artifact_id[:12]}: prefline artifact head shows them",
            examples=examples,
            refused=unfit.curation.refused_rows,
        ) from None


def _curated(store: Store, artifact: Artifact, params: CurateParams) -> Curation:
    def batches(wanted: NDArray[np.bool_] | None) -> Iterator[list[Example]]:
        start = 0
        for columns in store.batches(artifact):
            end = start + columns.num_rows
            chosen = columns if wanted is None else columns.filter(pa.array(wanted[start:end]))
            yield list(EXAMPLES.from_arrow(chosen))
            start = end

    source = str(artifact.params["source"])
    with shown_progress(f"curating {source}") as progress:
        curation = curate(batches, params, source=source, progress=progress)
    create_table_artifact(
        [
            {
                "check": finding.check_name,
                "action": finding.action,
                "found": f"{finding.num_found:,} of {finding.num_checked:,}",
                "": "look" if finding.flagged else "ok",
                "detail": finding.detail,
            }
            for finding in curation.findings
        ],
        key="quality",
        description=f"What the checks of {source} found.",
    )
    return curation


def _unfit(curation: Curation, artifact: Artifact, params: CurateParams) -> str:
    """Return why the data must not be used, empty if it may."""
    if curation.failures:
        return "; ".join(curation.failures)
    earlier = Counter(artifact.stats.get("refused", {}))
    refused = earlier + curation.refused_rows
    rows_read = int(artifact.stats.get("rows_read", sum(curation.num_rows)))
    if refused.total() <= params.max_refused_share * rows_read:
        return ""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in refused.most_common(5))
    return (
        f"{refused.total():,} of {rows_read:,} rows ({refused.total() / rows_read:.1%}) are "
        f"refused, more than max_refused_share {params.max_refused_share:.1%}: {reasons}. Correct "
        "the source, set the action of the check to 'warn', or raise max_refused_share"
    )


def _write_placed(
    store: Store, artifact: Artifact, curation: Curation, writer: StageWriter
) -> dict[str, Any]:
    """Write the rows of all examples that are not refused, each once; return the counts."""
    seen: set[int] = set()
    written: Counter[str] = Counter()
    index = 0
    for columns in store.batches(artifact):
        rows: dict[type, dict[str, Any]] = {kind: {} for kind in TABLES}
        for example in EXAMPLES.from_arrow(columns):
            if index not in curation.refused:
                placed = placed_rows(
                    example, cluster=curation.clusters[index], split=curation.splits[index]
                )
                for row in placed:
                    row_id = getattr(row, TABLES[type(row)].id_column)
                    known = int(row_id, 16)
                    if known not in seen:
                        seen.add(known)
                        rows[type(row)][row_id] = row
            index += 1
        for kind, table in TABLES.items():
            new = rows[kind]
            writer.write_arrow(table, table.to_arrow(list(new.values()), list(new)))
            written[table.name] += len(new)
    refused = curation.refused_rows
    rows_in = sum(curation.num_rows)
    return {
        "rows_read": rows_in,
        "rows_kept": rows_in - refused.total(),
        "duplicates": 0,
        "refused": dict(sorted(refused.items())),
        "written": dict(written),
    }


def _write_report(
    store: Store, artifact: Artifact, curation: Curation, writer: StageWriter
) -> None:
    """Write what was refused and what the checks found."""
    writer.write(QUALITY, curation.findings)
    index = 0
    for columns in store.batches(artifact) if curation.refused else ():
        for example in EXAMPLES.from_arrow(columns):
            if reason := curation.refused.get(index):
                writer.write(QUARANTINE, refusals(example, reason))
            index += 1


def _keep_report(
    store: Store, work: Work, artifact: Artifact, curation: Curation
) -> dict[str, Artifact]:
    """Return quarantine and report of data that must not be used, as work of its own."""
    unfit = Work(
        stage=f"{STAGE}-unfit",
        stage_version=VERSION,
        params=work.params,
        parents=work.parents,
        seed=work.seed,
    )
    found = store.find(unfit)
    if found is not None:
        return found
    with store.begin(unfit, REPORTED) as writer:
        _write_report(store, artifact, curation, writer)
        return writer.commit()
