"""Ingest one source."""

from prefect import flow

from tasks.ingest.params import IngestParams
from tasks.ingest.task import ingest_task
from tasks.stage_run import StageResult


@flow(name="ingest", flow_run_name="ingest {params.source}")
def ingest(
    params: IngestParams = IngestParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Read a source into prompts, demonstrations, pairs and quarantine.

    Args:
        params: The source and how it is split.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    return ingest_task(params, root, rerun=rerun)
