"""The training stages in Prefect."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task

from storage.store import Store, open_store
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.negatives import NEGATIVES
from storage.tables.pairs import PAIRS
from storage.tables.policies import POLICIES, Policy
from storage.tables.prompts import PROMPTS
from storage.tables.training_steps import TRAINING_STEPS, TrainingStep
from storage.work import Work
from storage.writer import StageWriter
from tasks.judging.judge_name import reward_name
from tasks.progress import Progress
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.stored_policy import StoredPolicy, read_policy, weights_sha256
from tasks.training.base.base_model import make_base_model, model_fingerprint
from tasks.training.d2o.params import D2OParams
from tasks.training.dpo.params import DPOParams
from tasks.training.params import TrainingParams
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.reward import make_reward, reward_judge
from tasks.training.sft.params import SFTParams

if TYPE_CHECKING:
    from tasks.training.run.training_result import TrainingResult

VERSION = 1
# Where a machine computes, and what it recomputes, does not decide what is learned.
NOT_IN_KEY = {"device", "activation_checkpointing"}


@task(name="base-model")
def base_model_task(model: str, demonstrations: str, params: SFTParams, root: str) -> StageResult:
    """Return the policy that training starts from, made from the demonstrations if `scratch:`."""
    store = open_store(root)
    scratch = model.startswith("scratch:")
    made_with = {"vocab_size": params.vocab_size, "context_tokens": params.context_tokens}
    work = Work(
        stage="base-model",
        stage_version=VERSION,
        params={"model": model, **made_with} if scratch else {},
        parents=(demonstrations,) if scratch else (),
        seed=params.seed if scratch else 0,
        inputs=model_fingerprint(model),
    )

    def body(writer: StageWriter) -> None:
        rows = store.rows(DEMONSTRATIONS, store.get(demonstrations)) if scratch else []
        texts = [row for row in rows if row.split == "train"]
        with tempfile.TemporaryDirectory(prefix="prefline-base-") as directory:
            base = make_base_model(model, texts, params, Path(directory))
            policy = Policy(
                method="base",
                base_model=model,
                checkpoint=str(base.resolve()),
                weights_sha256=weights_sha256(base),
                params=json.dumps(work.params),
            )
            # other models stay where they are: a copy of a large one helps nobody
            writer.write(POLICIES, [_stored(store, policy, base) if scratch else policy])

    return run_stage(store, work, (POLICIES,), body, rerun=False)


@task(name="train-sft", tags=["gpu"])
def train_sft_task(
    demonstrations: str, base: str, params: SFTParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train by imitation on the demonstrations of split train."""
    store = open_store(root)
    job = _Job(stage="train-sft", method="sft", data=demonstrations, start=base, params=params)

    def train(start: Path, out: Path, progress: Progress) -> "TrainingResult":
        from tasks.training.sft.train_sft import train_sft

        rows = store.rows(DEMONSTRATIONS, store.get(demonstrations), verify=True)
        kept = [row for row in rows if row.split == "train"]
        return train_sft(kept, params, start, out, progress)

    return _run(store, job, train, rerun=rerun)


@task(name="train-dpo", tags=["gpu"])
def train_dpo_task(
    pairs: str, start: str, params: DPOParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train on the preference pairs of split train."""
    store = open_store(root)
    job = _Job(stage="train-dpo", method="dpo", data=pairs, start=start, params=params)

    def train(start: Path, out: Path, progress: Progress) -> "TrainingResult":
        from tasks.training.dpo.train_dpo import train_dpo

        rows = store.rows(PAIRS, store.get(pairs), verify=True)
        kept = [row for row in rows if row.split == "train"]
        return train_dpo(kept, params, start, out, progress)

    return _run(store, job, train, rerun=rerun)


@task(name="train-d2o", tags=["gpu"])
def train_d2o_task(
    negatives: str, start: str, params: D2OParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train on negatives and their anchors."""
    store = open_store(root)
    job = _Job(stage="train-d2o", method="d2o", data=negatives, start=start, params=params)

    def train(start: Path, out: Path, progress: Progress) -> "TrainingResult":
        from tasks.training.d2o.train_d2o import train_d2o

        rows = store.rows(NEGATIVES, store.get(negatives), verify=True)
        kept = [row for row in rows if row.split == "train"]
        return train_d2o(kept, params, start, out, progress)

    return _run(store, job, train, rerun=rerun)


@task(name="train-ppo", tags=["gpu"])
def train_ppo_task(
    prompts: str, start: str, params: PPOParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train on the prompts of split train, rewarded by a judge.

    The judge learns from the demonstrations and pairs of split train that go with the prompts.
    """
    store = open_store(root)
    asked = store.get(prompts)
    demonstrations, pairs = asked.outputs["demonstrations"], asked.outputs["pairs"]
    rows = [row for row in store.rows(PROMPTS, asked, verify=True) if row.split == "train"]
    source = rows[0].source if rows else ""
    job = _Job(
        stage="train-ppo",
        method="ppo",
        data=prompts,
        start=start,
        params=params,
        rewarded_from=(demonstrations, pairs),
        reward=reward_name(reward_judge(params.reward, source)),
    )

    def train(start: Path, out: Path, progress: Progress) -> "TrainingResult":
        from tasks.training.ppo.train_ppo import train_ppo

        judge = make_reward(
            params.reward,
            source,
            demonstrations=store.rows(DEMONSTRATIONS, store.get(demonstrations)),
            pairs=store.rows(PAIRS, store.get(pairs)),
            seed=params.seed,
            device=params.device,
        )
        return train_ppo(rows, judge, params, start, out, progress)

    return _run(store, job, train, rerun=rerun)


@dataclass(frozen=True, slots=True)
class _Job:
    """One training run: what it learns from and where it starts.

    `reward` is the judge that rewards it, if one does, and `rewarded_from` what that one learned
    from.
    """

    stage: str
    method: str
    data: str
    start: str
    params: TrainingParams
    rewarded_from: tuple[str, ...] = ()
    reward: str | None = None


def _run(
    store: Store,
    job: _Job,
    train: Callable[[Path, Path, Progress], "TrainingResult"],
    *,
    rerun: bool,
) -> StageResult:
    work = Work(
        stage=job.stage,
        stage_version=VERSION,
        params=job.params.model_dump(mode="json", exclude=NOT_IN_KEY),
        parents=(job.data, job.start, *job.rewarded_from),
        seed=job.params.seed,
    )

    def body(writer: StageWriter) -> None:
        start = read_policy(store, job.start)
        with tempfile.TemporaryDirectory(prefix=f"prefline-{job.method}-") as directory:
            out = Path(directory)
            with shown_progress(f"training {job.method}") as progress:
                result = train(start.checkpoint, out, progress)
            policy = _policy_row(job, start, result, weights_sha256(out))
            writer.write(POLICIES, [_stored(store, policy, out)])
        rows = _step_rows(policy.policy_id, result)
        writer.write(TRAINING_STEPS, rows)
        writer.stats(POLICIES, num_dropped=result.num_dropped, stop_reason=result.stop_reason)
        if job.reward:
            writer.stats(POLICIES, reward=job.reward)

    return run_stage(store, work, (POLICIES, TRAINING_STEPS), body, rerun=rerun)


def _policy_row(job: _Job, start: StoredPolicy, result: "TrainingResult", weights: str) -> Policy:
    return Policy(
        method=job.method,
        base_model=start.policy.base_model,
        checkpoint="",
        weights_sha256=weights,
        reference=start.policy.policy_id,
        params=json.dumps(job.params.model_dump(mode="json", exclude=NOT_IN_KEY), sort_keys=True),
        num_rows=result.num_rows,
        num_dropped=result.num_dropped,
        num_steps=result.num_steps,
        num_tokens=result.num_tokens,
        train_seconds=result.train_seconds,
        stop_reason=result.stop_reason,
    )


def _stored(store: Store, policy: Policy, directory: Path) -> Policy:
    """Return the policy with its weights in the store."""
    return replace(policy, checkpoint=store.put_checkpoint(policy.policy_id, directory))


def _step_rows(policy_id: str, result: "TrainingResult") -> list[TrainingStep]:
    return [
        TrainingStep(policy_id=policy_id, step=row.step, metric=row.metric, value=row.value)
        for row in result.steps
    ]
