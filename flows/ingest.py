"""Ingest one source."""

from prefect import flow

from tasks.curation.params import CurateParams
from tasks.curation.task import curate_task
from tasks.ingest.params import IngestParams
from tasks.ingest.task import ingest_task
from tasks.stage_run import StagesResult


@flow(name="ingest", flow_run_name="ingest {params.source}")
def ingest(
    params: IngestParams = IngestParams(),
    curate: CurateParams = CurateParams(),
    root: str = "data",
    rerun: bool = False,
) -> StagesResult:
    """Read a source, check its rows and split them; what cannot be used goes to quarantine.

    Args:
        params: The source and how its rows are understood.
        curate: The checks, what becomes of the rows that they find, and the splits.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    ingested = ingest_task(params, root, rerun=rerun)
    curated = curate_task(ingested.outputs["examples"], curate, root, rerun=rerun)
    return StagesResult(stages=[ingested, curated])
