"""Convert pairs to negatives."""

from prefect import flow

from flows.inputs import PairsRef, PolicyRef, ingest_output, start_policy
from storage.store import open_store
from tasks.negatives.params import NegativesParams
from tasks.negatives.task import negatives_task
from tasks.stage_run import StageResult


@flow(name="negatives", flow_run_name="negatives of {pairs}")
def negatives(
    pairs: PairsRef = "latest",
    policy: PolicyRef = "latest",
    params: NegativesParams = NegativesParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Keep the dispreferred side of pairs and draw self-samples of each prompt as anchors.

    Args:
        pairs: Pairs to convert: artifact id, unique prefix, tag, or latest. Not read when
            params.path names a file of bare negatives.
        policy: Who draws the self-samples: artifact id, unique prefix, tag, or latest (the
            policy that answered in the pairs, or the newest SFT policy of the same source).
        params: How many self-samples and how they are drawn.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    if params.path:
        drawing = start_policy(store, policy, None)
        held_out = ingest_output(store, drawing, "prompts")
        ids = (held_out.artifact_id, drawing.artifact_id)
        return negatives_task(*ids, params, root, rerun=rerun)
    source = store.resolve("pairs", pairs)
    drawing = start_policy(store, policy, source)
    return negatives_task(source.artifact_id, drawing.artifact_id, params, root, rerun=rerun)
