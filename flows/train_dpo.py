"""Train with direct preference optimization."""

from prefect import flow

from flows.inputs import PairsRef, PolicyRef, start_policy
from storage.store import open_store
from tasks.stage_run import StageResult
from tasks.training.dpo.params import DPOParams
from tasks.training.dpo.task import train_dpo_task


@flow(name="train-dpo", flow_run_name="dpo on {pairs}")
def train_dpo(
    pairs: PairsRef = "latest",
    policy: PolicyRef = "latest",
    params: DPOParams = DPOParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Train a policy on preference pairs with DPO.

    Args:
        pairs: What to learn from: artifact id, unique prefix, tag, or latest.
        policy: Where training starts, also the frozen reference: artifact id, unique prefix, tag,
            or latest (the policy that answered in the pairs, or the newest SFT policy of the same
            source).
        params: Hyperparameters.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    data = store.resolve("pairs", pairs)
    start = start_policy(store, policy, data)
    return train_dpo_task(data.artifact_id, start.artifact_id, params, root, rerun=rerun)
