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
    self_reference: PolicyRef = "",
    negative_reference: PolicyRef = "",
    params: D2OParams = D2OParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Train a policy on dispreferred answers alone with D2O.

    Args:
        negatives: What to move away from, with its anchors: artifact id, unique prefix, tag, or latest.
        policy: Where training starts, also the frozen reference: artifact id, unique prefix, tag,
            or latest (the policy that drew the anchors).
        self_reference: What the self-samples are compared with (the paper's pi_r-), frozen: artifact
            id, unique prefix or tag; empty for the policy where training starts.
        negative_reference: What the dispreferred answer is compared with (the paper's pi_r+), frozen:
            artifact id, unique prefix or tag; empty for the policy where training starts.
        params: Hyperparameters.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    data = store.resolve("negatives", negatives)
    start = start_policy(store, policy, data)
    own, negative = (
        store.resolve("policies", reference).artifact_id if reference else ""
        for reference in (self_reference, negative_reference)
    )
    return train_d2o_task(
        data.artifact_id,
        start.artifact_id,
        params,
        root,
        self_reference=own,
        negative_reference=negative,
        rerun=rerun,
    )
