"""Train with REINFORCE, leaving one out."""

from prefect import flow

from flows.inputs import PolicyRef, PromptsRef, start_policy
from storage.store import open_store
from tasks.stage_run import StageResult
from tasks.training.online.params import RLOOParams
from tasks.training.online.task import train_rloo_task


@flow(name="train-rloo", flow_run_name="rloo on {prompts}")
def train_rloo(
    prompts: PromptsRef = "latest",
    policy: PolicyRef = "latest",
    params: RLOOParams = RLOOParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Train a policy with RLOO to answer prompts as a judge likes it.

    The judge that rewards is never the one that evaluates. Its answers on the
    way are stored as completions.

    Args:
        prompts: What to answer; those of split train are used: artifact id, unique prefix, tag, or
            latest.
        policy: Where training starts, also the frozen reference: artifact id, unique prefix, tag,
            or latest (the newest SFT policy of the same source).
        params: Hyperparameters and the judge that rewards.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    data = store.resolve("prompts", prompts)
    start = start_policy(store, policy, data)
    return train_rloo_task(data.artifact_id, start.artifact_id, params, root, rerun=rerun)
