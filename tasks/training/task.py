"""What the task of every training method does around its training."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from storage.store import Store
from storage.tables.completions import COMPLETIONS, Completion
from storage.tables.policies import POLICIES, Policy
from storage.tables.table import Table
from storage.tables.training_steps import TRAINING_STEPS, TrainingStep
from storage.work import Work
from storage.writer import StageWriter
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.stored_policy import StoredPolicy, read_policy, weights_sha256
from tasks.training.params import DECIDES_NOTHING, TrainingParams
from tasks.training.reference.task import reference_logps
from tasks.training.run.checkpoint_directory import remove_unfinished
from tasks.training.run.run_files import RunFiles
from tasks.training.watch.alarm import Alarm
from tasks.training.watch.find_alarms import alarms_markdown, find_alarms

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun

    from tasks.training.run.training_result import TrainingResult

VERSION = 1


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training run: what it learns from and where it starts.

    `other_parents` is what else it depends on: other references, or what the judge that rewards it
    learned from. `reward` is that judge, if there is one. `keeps_completions` says that the policy answers while it learns; its answers are stored.
    """

    stage: str
    method: str
    data: str
    start: str
    params: TrainingParams
    other_parents: tuple[str, ...] = ()
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

    A run that was interrupted before its end goes on from its last checkpoint. What its metrics warn
    of is logged, shown as an artifact in Prefect and kept with the policy (`alarms` in its manifest).
    """
    work = Work(
        stage=job.stage,
        stage_version=VERSION,
        params=job.params.model_dump(mode="json", exclude=DECIDES_NOTHING),
        parents=(job.data, job.start, *job.other_parents),
        seed=job.params.seed,
    )

    tables: list[Table[Any]] = [POLICIES, TRAINING_STEPS]
    if job.keeps_completions or job.params.sample_every:
        tables.append(COMPLETIONS)

    def body(writer: StageWriter) -> None:
        start = read_policy(store, job.start)
        with tempfile.TemporaryDirectory(prefix=f"prefline-{job.method}-") as directory:
            out = Path(directory)
            with (
                shown_progress(f"training {job.method}") as progress,
                reference_logps(
                    store, data=job.data, reference=job.start, quantize=job.params.quantize
                ) as known,
            ):
                files = RunFiles(
                    start=start.checkpoint,
                    out=out,
                    checkpoints=store.unfinished_path(work),
                    reference_logps=known,
                    progress=progress,
                )
                result = train(files)
            policy = _policy_row(job, start, result, weights_sha256(out))
            writer.write(POLICIES, [stored(store, policy, out)])
        rows = _step_rows(policy.policy_id, result)
        writer.write(TRAINING_STEPS, rows)
        if COMPLETIONS in tables:
            writer.write(COMPLETIONS, _completion_rows(policy.policy_id, result))
        alarms = find_alarms(result.steps, job.method, job.params, result.completions)
        _tell(job, result, alarms)
        writer.stats(
            POLICIES,
            num_dropped=result.num_dropped,
            dropped={row.row_id: row.reason for row in result.dropped},
            stop_reason=result.stop_reason,
            stop_detail=result.stop_detail,
            alarms=[asdict(alarm) for alarm in alarms],
        )
        if job.reward:
            writer.stats(POLICIES, reward=job.reward)

    made = run_stage(store, work, tables, body, rerun=rerun)
    remove_unfinished(store.unfinished_path(work))
    return made


def may_resume(_task: "Task[..., Any]", _run: "TaskRun", state: "State[Any]") -> bool:
    """Tell whether a failed training is worth another try, which goes on from its last checkpoint.

    Out of memory, a lost worker, a full or broken disk: what the machine did. Wrong input and faults
    of the program would fail again, and who asked training to stop does not want it to go on.
    """
    from tasks.training.run.checkpoints import InterruptedTrainingError

    error = state.data
    return isinstance(error, RuntimeError | OSError | MemoryError) and not isinstance(
        error, InterruptedTrainingError
    )


def _tell(job: TrainingJob, result: "TrainingResult", alarms: list[Alarm]) -> None:
    """Log why training stopped early and every alarm, and show them in Prefect."""
    log = get_run_logger()
    if result.stop_reason != "finished":
        detail = f": {result.stop_detail}" if result.stop_detail else ""
        log.warning("%s stopped early, %s%s", job.stage, result.stop_reason, detail)
    for alarm in alarms:
        log.warning("%s: %s at step %d: %s", job.stage, alarm.name, alarm.step, alarm.advice)
    if alarms:
        create_markdown_artifact(
            alarms_markdown(alarms),
            key=f"{job.stage}-alarms",
            description=f"What the metrics of {job.stage} warn of.",
        )


def _policy_row(
    job: TrainingJob, start: StoredPolicy, result: "TrainingResult", weights: str
) -> Policy:
    return Policy(
        method=job.method,
        base_model=start.policy.base_model,
        checkpoint="",
        weights_sha256=weights,
        reference=start.policy.policy_id,
        params=json.dumps(
            job.params.model_dump(mode="json", exclude=DECIDES_NOTHING), sort_keys=True
        ),
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
