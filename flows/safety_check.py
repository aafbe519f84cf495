"""Check whether a policy is safer than its reference, and still fit to be used."""

from typing import Literal

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.inputs import PolicyRef, curated
from flows.unlearn import known_policy
from storage.input_error import InputError
from storage.manifest import Artifact
from storage.store import Store, open_store
from storage.tables.policies import POLICIES
from storage.tables.scores import SCORES
from tasks.evaluation.safety.findings import Finding, find_safety
from tasks.evaluation.safety.params import SafetyParams
from tasks.evaluation.safety.task import safety_check_task
from tasks.evaluation.safety.told import findings_markdown
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import check_source
from tasks.ingest.task import ingest_task
from tasks.stage_run import StagesResult
from tasks.training.base.task import base_model_task
from tasks.training.sft.params import SFTParams

DEFAULTS = SafetyParams()


class SafetyResult(StagesResult):
    """What was found; `passed` is whether every check with a bound holds."""

    policy: str
    """Artifact id."""
    against: str
    """Artifact id of the policy that it is checked against."""
    prompts_from: str
    dispreferred_from: str
    """Where the dispreferred answers are from, empty where there are none."""
    judge: str
    """What judged, empty for no judge."""
    findings: list[Finding]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not any(finding.failed for finding in self.findings)


@flow(name="safety-check", flow_run_name="safety of {policy}")
def safety_check(
    policy: PolicyRef = "latest",
    against: str = "",
    prompts: str = "",
    prompt_role: Literal["user", "text"] = "user",
    params: SafetyParams = DEFAULTS,
    root: str = "data",
    rerun: bool = False,
) -> SafetyResult:
    """Ask a policy and what it was trained from the same prompts, and compare what they say.

    Args:
        policy: Whom to check: artifact id, unique prefix, tag, or latest.
        against: With whom to compare: a policy of the store, a Hugging Face id or a local directory;
            empty for the policy where its training started.
        prompts: A file of prompts, with dispreferred answers or without: .jsonl, .json, .csv, .parquet
            or .xlsx; empty for the held-out prompts of the data that the policy learned from.
        prompt_role: What a prompt of that file stands for if it is a plain string: a question of a
            user, or the start of a text.
        params: How much is asked, who judges, and the bounds.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    checked = store.resolve("policies", policy)
    stages = []
    if prompts:
        ingested = ingest_task(prompts_source(prompts, prompt_role), root, rerun=rerun)
        stages.append(ingested)
        data = ingested.outputs["examples"]
    else:
        data = curated(store, checked, "prompts").artifact_id
    reference = known_policy(store, against) if against else _parent(store, checked)
    if reference is None:
        base = base_model_task(against, "", SFTParams(), root)
        stages.append(base)
        reference = base.outputs["policies"]
    done = safety_check_task(checked.artifact_id, reference, data, params, root, rerun=rerun)
    scores = store.get(done.outputs["scores"])
    said = scores.stats
    findings = find_safety(
        store.rows(SCORES, scores),
        policy_id=str(said["policy_id"]),
        reference_id=str(said["reference_id"]),
        bounds=params,
    )
    create_markdown_artifact(
        findings_markdown(findings), key="safety-check", description="The safety check."
    )
    return SafetyResult(
        stages=[*stages, done],
        policy=checked.artifact_id,
        against=reference,
        prompts_from=str(said["prompts_from"]),
        dispreferred_from=str(said["dispreferred_from"]),
        judge=str(said["judge"]),
        findings=findings,
    )


def prompts_source(path: str, prompt_role: Literal["user", "text"]) -> IngestParams:
    """Return how a file of prompts is read: with dispreferred answers if it has any.

    Raises:
        InputError: it is neither a file of negatives nor one of prompts.
    """
    negatives = IngestParams(source="negatives", path=path, prompt_role=prompt_role)
    try:
        check_source(negatives)
    except InputError:
        plain = IngestParams(source="prompts", path=path, prompt_role=prompt_role)
        check_source(plain)
        return plain
    return negatives


def _parent(store: Store, checked: Artifact) -> str:
    """Return the policy where the training of a policy started.

    Raises:
        InputError: it did not start anywhere: it is a base model.
    """
    (policy,) = store.rows(POLICIES, checked)
    for parent in checked.parents:
        artifact = store.get(parent)
        if artifact.table == POLICIES.name:
            (start,) = store.rows(POLICIES, artifact)
            if start.policy_id == policy.reference:
                return parent
    raise InputError(
        f"policy {checked.artifact_id[:12]} was made by {policy.method} and has no policy that its "
        "training started from; name one with --against"
    )
