"""Train with distributional dispreference optimization."""

from prefect import flow

from flows.inputs import NegativesRef, PolicyRef, start_policy
from storage.store import open_store
from tasks.stage_run import StageResult
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.task import train_d2o_task


@flow(name="train-d2o", flow_run_name="d2o on {negatives}")
def train_d2o(
    negatives: NegativesRef = "latest",
    policy: PolicyRef = "latest",
    params: D2OParams = D2OParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Train a policy on dispreferred answers alone with D2O.

    Args:
        negatives: What to move away from, with its anchors: artifact id, unique prefix, tag, or latest.
        policy: Where training starts, also the frozen reference: artifact id, unique prefix, tag,
            or latest (the policy that drew the anchors).
        params: Hyperparameters.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    data = store.resolve("negatives", negatives)
    start = start_policy(store, policy, data)
    return train_d2o_task(data.artifact_id, start.artifact_id, params, root, rerun=rerun)
