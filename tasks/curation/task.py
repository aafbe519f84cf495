"""The curation stage in Prefect."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from prefect import task
from prefect.artifacts import create_table_artifact

from storage.manifest import Artifact
from storage.store import Store, open_store
from storage.tables.examples import EXAMPLES, Example
from storage.work import Work
from storage.writer import StageWriter
from tasks.curation.curate import Batches, Curation, curate
from tasks.curation.params import CurateParams
from tasks.curation.write_curation import PLACED, REPORTED, write_placed, write_report
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.unfit_data import UnfitDataError

STAGE = "curate"
UNFIT = f"{STAGE}-unfit"
VERSION = 1


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
        curation = _curated(_batches(store, artifact), artifact, params)
        why = _unfit(curation, artifact, params)
        if why:
            raise _UnfitError(curation, why)
        write_placed(_batches(store, artifact), curation, writer)
        write_report(_batches(store, artifact), curation, writer)

    try:
        result = run_stage(store, work, (*PLACED.values(), *REPORTED), body, rerun=rerun)
    except _UnfitError as unfit:
        kept = _keep_report(store, work, artifact, unfit.curation)
        refused = [kept["quarantine"].artifact_id[:12]]
        if artifact.stats["refused"]:  # ingest keeps those that it refused itself
            refused.append(artifact.outputs["quarantine"][:12])
        raise UnfitDataError(
            f"{unfit}. The report is {kept['quality'].artifact_id[:12]}, the refused rows are "
            f"{' and '.join(refused)}: prefline artifact head shows them",
            examples=examples,
            refused=unfit.curation.refused_rows,
        ) from None
    _forget_failures(store, examples)
    return result


def _batches(store: Store, artifact: Artifact) -> Batches:
    """Return what gives the examples, as often as they are wanted."""

    def batches(wanted: NDArray[np.bool_] | None) -> Iterator[list[Example]]:
        start = 0
        for columns in store.batches(artifact):
            end = start + columns.num_rows
            chosen = columns if wanted is None else columns.filter(pa.array(wanted[start:end]))
            yield list(EXAMPLES.from_arrow(chosen))
            start = end

    return batches


def _curated(batches: Batches, artifact: Artifact, params: CurateParams) -> Curation:
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
    here = curation.refused_rows
    refused = Counter(artifact.stats["refused"]) + here
    rows_read = int(artifact.stats["rows_read"])
    share = refused.total() / max(rows_read, 1)
    if share <= params.max_refused_share:
        return ""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in refused.most_common(5))
    return (
        f"{refused.total():,} of {rows_read:,} rows ({share:.1%}) are "
        f"refused, more than max_refused_share {params.max_refused_share:.1%}: {reasons}. Correct "
        f"the source, {'set the action of the check to warn, ' if here else ''}or raise "
        "max_refused_share"
    )


def _keep_report(
    store: Store, work: Work, artifact: Artifact, curation: Curation
) -> dict[str, Artifact]:
    """Return quarantine and report of data that must not be used, as work of its own."""
    unfit = Work(
        stage=UNFIT,
        stage_version=VERSION,
        params=work.params,
        parents=work.parents,
        seed=work.seed,
    )
    found = store.find(unfit)
    if found is not None:
        return found
    with store.begin(unfit, REPORTED) as writer:
        write_report(_batches(store, artifact), curation, writer)
        return writer.commit()


def _forget_failures(store: Store, examples: str) -> None:
    """Put the quarantine and report of failed curations out of use: this one replaces them."""
    for table in REPORTED:
        for artifact in store.artifacts(table.name):
            if artifact.stage == UNFIT and examples in artifact.parents:
                store.supersede(artifact.artifact_id, "the examples were curated on other terms")
