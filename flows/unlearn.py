"""Unlearn what a file of unwanted answers shows: the quick path of D2O."""

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from storage.input_error import InputError
from storage.manifest import Artifact
from storage.store import Store, open_store
from storage.tables.policies import POLICIES
from storage.tables.scores import SCORES
from storage.tables.training_steps import TRAINING_STEPS
from tasks.curation.params import CurateParams
from tasks.curation.task import curate_task
from tasks.evaluation.safety.task import dispreferred_logps_task
from tasks.ingest.params import IngestParams
from tasks.ingest.task import ingest_task
from tasks.negatives.params import NegativesParams
from tasks.negatives.task import negatives_task
from tasks.stage_run import StagesResult
from tasks.stored_policy import read_policy
from tasks.training.base.base_model import check_model
from tasks.training.base.task import base_model_task
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.task import train_d2o_task
from tasks.training.sft.params import SFTParams
from tasks.training.unlearn.quick_params import quick_params

QUICK_CURATION = CurateParams(
    judge_share=0.001, eval_share=0.1, overlap="warn", max_refused_share=0.5
)
"""A short file has no row to spare: nothing is kept for a judge, and templated prompts are no fault."""


class UnlearnResult(StagesResult):
    """What each stage made or reused, the policy, and how far it went."""

    policy: str
    """Artifact id."""
    checkpoint: str
    """Directory of its weights."""
    start: str
    """Artifact id of the policy where training started."""
    method: dict[str, Any]
    """The parameters of the training."""
    num_negatives: int
    num_refused: int
    kl: float | None
    """KL to the start after training, in nats per sequence."""
    margin: float | None
    """Mean of the last tenth of the steps, in units of alpha and beta."""
    nats_before: float
    """Mean log-probability of the unwanted answers under the start, in nats a token."""
    nats_after: float
    num_steps: int
    """The step whose weights were kept."""
    stop_reason: str
    stop_detail: str
    alarms: list[dict[str, Any]]
    """Name, advice, step and value of each."""


@flow(name="unlearn", flow_run_name="unlearn {negatives}")
def unlearn(
    model: str,
    negatives: str,
    steps: Annotated[int, Field(ge=1)] = 50,
    num_samples: Annotated[int, Field(ge=1, le=64)] = 7,
    learning_rate: Annotated[float, Field(ge=0, le=1)] = 0.0,
    columns: dict[str, str] = {},  # noqa: B006  - Prefect copies parameters
    prompt_role: Literal["user", "text"] = "user",
    curate: CurateParams = QUICK_CURATION,
    anchors: NegativesParams = NegativesParams(),
    d2o: D2OParams = D2OParams(),
    root: str = "data",
    rerun: bool = False,
) -> UnlearnResult:
    """Train a model away from the answers in a file: ingest, curate, anchor, train with D2O.

    Args:
        model: Whose answers they are: a Hugging Face id, a local directory, or a policy of the store
            (artifact id, unique prefix, tag or latest).
        negatives: A file of rows {prompt, response}, {prompt, rejected} or {prompt, responses,
            preferred}: .jsonl, .json, .csv, .parquet or .xlsx.
        steps: Optimizer steps.
        num_samples: Self-samples of each prompt that hold the policy where it is (the K of D2O).
        learning_rate: Peak learning rate; 0 chooses one by the size of the model.
        columns: Which column holds what, where the names differ: {prompt: question, response: bad}.
        prompt_role: What a prompt that is a plain string stands for: a question of a user, or the start
            of a text.
        curate: Checks and splits.
        anchors: How the self-samples are drawn.
        d2o: Hyperparameters of the training.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    source = IngestParams(
        source="negatives", path=negatives, columns=columns, prompt_role=prompt_role
    )
    ingested = ingest_task(source, root, rerun=rerun)
    curated = curate_task(ingested.outputs["examples"], curate, root, rerun=rerun)
    made = curated.outputs
    stages = [ingested, curated]
    store = open_store(root)
    start = known_policy(store, model)
    if start is None:
        base = base_model_task(model, made["demonstrations"], SFTParams(), root)
        stages.append(base)
        start = base.outputs["policies"]
    checkpoint = read_policy(store, start).checkpoint
    params = quick_params(
        d2o, checkpoint, steps=steps, num_samples=num_samples, learning_rate=learning_rate
    )
    drawn = anchors.model_copy(
        update={
            "num_samples": num_samples,
            "max_prompt_tokens": min(anchors.max_prompt_tokens, params.max_prompt_tokens),
        }
    )
    negated = negatives_task(made["pairs"], made["dispreferred"], start, drawn, root, rerun=rerun)
    trained = train_d2o_task(negated.outputs["negatives"], start, params, root, rerun=rerun)
    policy = trained.outputs["policies"]
    scored = dispreferred_logps_task(
        policy, start, negated.outputs["negatives"], anchors.device, root, rerun=rerun
    )
    return _result(
        store,
        [*stages, negated, trained, scored],
        start=start,
        params=params,
        num_refused=curated.rows["quarantine"] + ingested.rows["quarantine"],
    )


def known_policy(store: Store | None, model: str) -> str | None:
    """Return the id of the stored policy that a model's name means, None if it means a base model.

    Without a store there is no policy.

    Raises:
        InputError: `scratch:` models, which are made from demonstrations, and names of nothing.
    """
    if model.startswith("scratch:"):
        raise InputError(
            f"model {model!r} would be made from demonstrations, and unwanted answers are none; give "
            "a Hugging Face id, a local directory, or a policy of the store, such as one of "
            "`prefline run train-sft`"
        )
    if store is not None and not Path(model).expanduser().exists():
        try:
            return store.resolve("policies", model).artifact_id
        except InputError:
            if model == "latest":
                raise
    if model == "latest":
        raise InputError(
            "model 'latest' means the newest policy, but there is no store yet; give a Hugging Face "
            "id or a local directory"
        )
    check_model(model)
    return None


def _result(
    store: Store, stages: list[Any], *, start: str, params: D2OParams, num_refused: int
) -> UnlearnResult:
    negated, trained, scored = stages[-3:]
    artifact: Artifact = store.get(trained.outputs["policies"])
    stored = read_policy(store, artifact.artifact_id)
    steps = store.rows(TRAINING_STEPS, store.get(trained.outputs["training_steps"]))
    rows = store.rows(SCORES, store.get(scored.outputs["scores"]))
    nats = {
        policy_id: [row.value for row in rows if row.policy_id == policy_id]
        for policy_id in {row.policy_id for row in rows}
    }
    (policy,) = store.rows(POLICIES, artifact)
    (before,) = store.rows(POLICIES, store.get(start))
    kept = [row for row in steps if row.step <= policy.num_steps]
    kls = [row.value for row in kept if row.metric == "kl"]
    margins = [row.value for row in kept if row.metric == "rewards/margins"]
    last = margins[-max(1, len(margins) // 10) :]
    return UnlearnResult(
        stages=stages,
        policy=artifact.artifact_id,
        checkpoint=str(stored.checkpoint),
        start=start,
        method=params.model_dump(mode="json"),
        num_negatives=negated.rows["negatives"],
        num_refused=num_refused,
        kl=kls[-1] if kls else None,
        margin=sum(last) / len(last) if last else None,
        nats_before=_mean(nats.get(before.policy_id, [])),
        nats_after=_mean(nats.get(policy.policy_id, [])),
        num_steps=policy.num_steps,
        stop_reason=policy.stop_reason,
        stop_detail=str(artifact.stats.get("stop_detail", "")),
        alarms=list(artifact.stats.get("alarms", [])),
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
