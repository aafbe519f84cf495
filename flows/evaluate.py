"""Evaluate policies."""

from prefect import flow

from flows.inputs import PolicyRefs, PromptsRef, curated, policies_to_compare
from storage.store import open_store
from tasks.evaluation.params import EvaluateParams
from tasks.evaluation.task import evaluate_task, report_task
from tasks.stage_run import StageResult


@flow(name="evaluate", flow_run_name="evaluate {policies}")
def evaluate(
    policies: PolicyRefs = ["latest"],  # noqa: B006  - Prefect copies parameters; a list is what its form can show
    prompts: PromptsRef = "",
    params: EvaluateParams = EvaluateParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Sample, judge and compare policies on held-out prompts, and report.

    Args:
        policies: Whom to compare: artifact ids, unique prefixes or tags; latest is the newest
            policy, what it was trained from, and the newest of every other method trained from it.
        prompts: Held-out prompts: artifact id, unique prefix, tag or latest; empty for those of
            the ingested data that the policies learned from.
        params: How many prompts and answers, and the judges.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    compared = policies_to_compare(store, policies)
    asked = (
        store.resolve("prompts", prompts) if prompts else curated(store, compared[-1], "prompts")
    )
    result = evaluate_task(
        [artifact.artifact_id for artifact in compared],
        asked.artifact_id,
        params,
        root,
        rerun=rerun,
    )
    report_task(result.outputs["estimates"], root)
    return result
