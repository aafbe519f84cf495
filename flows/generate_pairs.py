"""Make preference pairs."""

from prefect import flow

from flows.inputs import PolicyRef, PromptsRef, start_policy
from storage.store import open_store
from tasks.pairs.params import PairsParams
from tasks.pairs.task import pairs_task
from tasks.stage_run import StageResult


@flow(name="generate-pairs", flow_run_name="pairs from {policy}")
def generate_pairs(
    prompts: PromptsRef = "latest",
    policy: PolicyRef = "latest",
    params: PairsParams = PairsParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Sample answers of a policy to prompts and pair the best with the worst by a judge.

    Args:
        prompts: Prompts to answer: artifact id, unique prefix, tag, or latest.
        policy: Who answers: artifact id, unique prefix, tag, or latest (the newest SFT policy that
            learned from the same source).
        params: How many answers, how they are sampled and judged.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    asked = store.resolve("prompts", prompts)
    answering = start_policy(store, policy, asked)
    return pairs_task(asked.artifact_id, answering.artifact_id, params, root, rerun=rerun)
