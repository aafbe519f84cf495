"""What the task of every training method does around its training."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.store import Store
from storage.tables.completions import COMPLETIONS, Completion
from storage.tables.policies import POLICIES, Policy
from storage.tables.table import Table
from storage.tables.training_steps import TRAINING_STEPS, TrainingStep
from storage.work import Work
from storage.writer import StageWriter
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.stored_policy import StoredPolicy, read_policy, weights_sha256
from tasks.training.params import TrainingParams
from tasks.training.run.run_files import RunFiles

if TYPE_CHECKING:
    from tasks.training.run.training_result import TrainingResult

VERSION = 1
# Where a machine computes, what it recomputes or remembers and who watches decide not what is learned.
NOT_IN_KEY = {
    "activation_checkpointing",
    "checkpoint_every",
    "device",
    "launch",
    "liger",
    "num_processes",
    "report_to",
}


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training run: what it learns from and where it starts.

    `reward` is the judge that rewards it, if one does, and `rewarded_from` what that one learned
    from. `keeps_completions` says that the policy answers while it learns; its answers are stored.
    """

    stage: str
    method: str
    data: str
    start: str
    params: TrainingParams
    rewarded_from: tuple[str, ...] = ()
    reward: str | None = None
    keeps_completions: bool = False


def run_training(
    store: Store,
    job: TrainingJob,
    train: Callable[[RunFiles], "TrainingResult"],
    *,
    rerun: bool,
) -> StageResult:
    """Return the artifacts of a training run: its policy and the metrics of its steps.

    A run that was interrupted before its end goes on from its last checkpoint.
    """
    work = Work(
        stage=job.stage,
        stage_version=VERSION,
        params=job.params.model_dump(mode="json", exclude=NOT_IN_KEY),
        parents=(job.data, job.start, *job.rewarded_from),
        seed=job.params.seed,
    )

    tables: list[Table[Any]] = [POLICIES, TRAINING_STEPS]
    if job.keeps_completions or job.params.sample_every:
        tables.append(COMPLETIONS)

    def body(writer: StageWriter) -> None:
        start = read_policy(store, job.start)
        with tempfile.TemporaryDirectory(prefix=f"prefline-{job.method}-") as directory:
            out = Path(directory)
            with shown_progress(f"training {job.method}") as progress:
                files = RunFiles(
                    start=start.checkpoint,
                    out=out,
                    checkpoints=store.unfinished_path(work),
                    progress=progress,
                )
                result = train(files)
            policy = _policy_row(job, start, result, weights_sha256(out))
            writer.write(POLICIES, [stored(store, policy, out)])
        rows = _step_rows(policy.policy_id, result)
        writer.write(TRAINING_STEPS, rows)
        if COMPLETIONS in tables:
            writer.write(COMPLETIONS, _completion_rows(policy.policy_id, result))
        writer.stats(POLICIES, num_dropped=result.num_dropped, stop_reason=result.stop_reason)
        if job.reward:
            writer.stats(POLICIES, reward=job.reward)

    return run_stage(store, work, tables, body, rerun=rerun)


def _policy_row(
    job: TrainingJob, start: StoredPolicy, result: "TrainingResult", weights: str
) -> Policy:
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


def stored(store: Store, policy: Policy, directory: Path) -> Policy:
    """Return the policy with its weights in the store."""
    return replace(policy, checkpoint=store.put_checkpoint(policy.policy_id, directory))


def _step_rows(policy_id: str, result: "TrainingResult") -> list[TrainingStep]:
    return [
        TrainingStep(policy_id=policy_id, step=row.step, metric=row.metric, value=row.value)
        for row in result.steps
    ]


def _completion_rows(policy_id: str, result: "TrainingResult") -> list[Completion]:
    """Return what the policy answered on its way, as answers of `<policy id>@<step>`."""
    return [replace(row.completion, policy=f"{policy_id}@{row.step}") for row in result.completions]
