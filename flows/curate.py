"""Check and split ingested examples."""

from prefect import flow

from flows.inputs import ExamplesRef
from storage.store import open_store
from tasks.curation.params import CurateParams
from tasks.curation.task import curate_task
from tasks.stage_run import StageResult


@flow(name="curate", flow_run_name="curate {examples}")
def curate(
    examples: ExamplesRef = "latest",
    params: CurateParams = CurateParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Check examples and split them into prompts, demonstrations, pairs and dispreferred answers.

    Args:
        examples: What an ingest read: artifact id, unique prefix, tag, or latest.
        params: The checks, what becomes of the rows that they find, and the splits.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    ingested = open_store(root).resolve("examples", examples)
    return curate_task(ingested.artifact_id, params, root, rerun=rerun)
