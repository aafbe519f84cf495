"""Train with Kahneman-Tversky optimization."""

from prefect import flow

from flows.inputs import NegativesRef, PairsRef, PolicyRef, start_policy
from storage.store import open_store
from tasks.stage_run import StageResult
from tasks.training.kto.params import KTOParams
from tasks.training.kto.task import train_kto_task


@flow(name="train-kto", flow_run_name="kto on {pairs}{negatives}")
def train_kto(
    pairs: PairsRef = "latest",
    negatives: NegativesRef = "",
    policy: PolicyRef = "latest",
    params: KTOParams = KTOParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Train a policy with KTO on answers that are desirable or undesirable by themselves.

    Args:
        pairs: What to learn from: the chosen answers are desirable, the rejected ones are not.
            Artifact id, unique prefix, tag, or latest.
        negatives: Undesirable answers to learn from instead of pairs, as D2O does, but without
            anchors: artifact id, unique prefix, tag, or latest. Empty takes the pairs.
        policy: Where training starts, also the frozen reference: artifact id, unique prefix, tag,
            or latest (the policy that answered in the data, or the newest SFT policy of the same
            source).
        params: Hyperparameters.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    data = store.resolve("negatives", negatives) if negatives else store.resolve("pairs", pairs)
    start = start_policy(store, policy, data)
    return train_kto_task(data.artifact_id, start.artifact_id, params, root, rerun=rerun)
