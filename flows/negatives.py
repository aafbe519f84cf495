"""Convert dispreferred answers to negatives."""

from prefect import flow

from flows.inputs import DispreferredRef, PairsRef, PolicyRef, curated, made_with, start_policy
from storage.store import open_store
from tasks.negatives.params import NegativesParams
from tasks.negatives.task import negatives_task
from tasks.stage_run import StageResult


@flow(name="negatives", flow_run_name="negatives of {pairs}")
def negatives(
    pairs: PairsRef = "latest",
    dispreferred: DispreferredRef = "",
    policy: PolicyRef = "latest",
    params: NegativesParams = NegativesParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Take all dispreferred answers and draw self-samples of each prompt as anchors.

    Args:
        pairs: Pairs whose rejected side is taken: artifact id, unique prefix, tag, or latest.
        dispreferred: Dispreferred answers without a pair: artifact id, unique prefix, tag or
            latest; empty for those that were collected from people with the pairs, otherwise for those
            of the ingested data that the pairs belong to.
        policy: Who draws the self-samples: artifact id, unique prefix, tag, or latest (the
            policy that answered in the pairs, or the newest SFT policy of the same source).
        params: How many self-samples and how they are drawn.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    paired = store.resolve("pairs", pairs)
    alone = (
        store.resolve("dispreferred", dispreferred)
        if dispreferred
        else made_with(store, paired, "dispreferred") or curated(store, paired, "dispreferred")
    )
    drawing = start_policy(store, policy, paired)
    ids = (paired.artifact_id, alone.artifact_id, drawing.artifact_id)
    return negatives_task(*ids, params, root, rerun=rerun)
