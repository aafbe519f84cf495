"""Make preference pairs."""

from prefect import flow

from flows.inputs import PolicyRef, PromptsRef, start_policy
from storage.store import open_store
from storage.tables.outcomes import OUTCOMES
from tasks.annotation.params import ComparisonsParams, QueueParams
from tasks.annotation.task import publish_task
from tasks.pairs.params import PairsParams
from tasks.pairs.task import pairs_task, plan_pairs_task
from tasks.stage_run import DryRunResult, StageResult


@flow(name="generate-pairs", flow_run_name="pairs by {params.method} for {prompts}")
def generate_pairs(
    prompts: PromptsRef = "latest",
    policy: PolicyRef = "",
    params: PairsParams = PairsParams(),
    root: str = "data",
    rerun: bool = False,
    dry_run: bool = False,
    ask_people: bool = False,
) -> StageResult | DryRunResult:
    """Make preference pairs: answer prompts with a policy or an API, and judge the answers.

    Calls of an API are paid once: what an earlier run got is not asked again, also with rerun. What the
    budget does not reach is left pending, and a later run completes it.

    Args:
        prompts: Prompts to answer: artifact id, unique prefix, tag, or latest.
        policy: Our policy, where one answers: artifact id, unique prefix, tag, or latest; empty for the
            newest SFT policy that learned from the same source.
        params: The method, who answers, who judges, and what it may cost.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
        dry_run: Say how many calls, tokens and dollars it would take at most, and ask nothing.
        ask_people: Put the comparisons that the judge left undecided on the annotation page.
    """
    store = open_store(root)
    asked = store.resolve("prompts", prompts)
    answering = [
        start_policy(store, name or policy or "latest", asked).artifact_id
        for name in params.policies
    ]
    if dry_run:
        return plan_pairs_task(asked.artifact_id, answering, params, root)
    paired = pairs_task(asked.artifact_id, answering, params, root, rerun=rerun)
    undecided = store.rows(OUTCOMES, store.get(paired.outputs["outcomes"])) if ask_people else []
    if any(outcome.num_undecided for outcome in undecided):
        comparisons = ComparisonsParams(
            source="verdicts", reference=paired.outputs["verdicts"], split="all"
        )
        publish_task(root, comparisons, QueueParams())
    return paired
