"""RLOO and GRPO in Prefect."""

from typing import TYPE_CHECKING

from prefect import task

from storage.store import Store, open_store
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS, Prompt
from tasks.judging.judge_name import reward_name
from tasks.stage_run import StageResult
from tasks.training.online.params import GRPOParams, OnlineParams, RLOOParams
from tasks.training.reward.reward import make_reward, reward_judge
from tasks.training.run.run_files import RunFiles
from tasks.training.task import TrainingJob, may_resume, run_training

if TYPE_CHECKING:
    from tasks.judging.judge import Judge
    from tasks.training.run.training_result import TrainingResult


@task(name="train-rloo", tags=["gpu"], retries=1, retry_condition_fn=may_resume)
def train_rloo_task(
    prompts: str, start: str, params: RLOOParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train by RLOO on the prompts of split train, rewarded by a judge.

    The judge learns from the demonstrations and pairs of split train that go with the prompts.
    """
    store = open_store(root)
    rows = _rows(store, prompts)
    job = _job("rloo", store, prompts, rows, start, params)

    def train(files: RunFiles) -> "TrainingResult":
        from tasks.training.online.train_online import train_rloo

        return train_rloo(rows, _judge(store, job, rows), params, files)

    return run_training(store, job, train, rerun=rerun)


@task(name="train-grpo", tags=["gpu"], retries=1, retry_condition_fn=may_resume)
def train_grpo_task(
    prompts: str, start: str, params: GRPOParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train by GRPO on the prompts of split train, rewarded by a judge.

    The judge learns from the demonstrations and pairs of split train that go with the prompts.
    """
    store = open_store(root)
    rows = _rows(store, prompts)
    job = _job("grpo", store, prompts, rows, start, params)

    def train(files: RunFiles) -> "TrainingResult":
        from tasks.training.online.train_online import train_grpo

        return train_grpo(rows, _judge(store, job, rows), params, files)

    return run_training(store, job, train, rerun=rerun)


def _rows(store: Store, prompts: str) -> list[Prompt]:
    rows = store.rows(PROMPTS, store.get(prompts), verify=True)
    return [row for row in rows if row.split == "train"]


def _job(
    method: str, store: Store, prompts: str, rows: list[Prompt], start: str, params: OnlineParams
) -> TrainingJob:
    asked = store.get(prompts)
    return TrainingJob(
        stage=f"train-{method}",
        method=method,
        data=prompts,
        start=start,
        params=params,
        other_parents=(asked.outputs["demonstrations"], asked.outputs["pairs"]),
        reward=reward_name(reward_judge(params.reward, _source(rows))),
        keeps_completions=params.keep_rollouts,
    )


def _judge(store: Store, job: TrainingJob, rows: list[Prompt]) -> "Judge":
    demonstrations, pairs = job.other_parents
    params = job.params
    if not isinstance(params, OnlineParams):
        raise TypeError(f"{type(params).__name__} names no reward")
    return make_reward(
        params.reward,
        _source(rows),
        demonstrations=store.rows(DEMONSTRATIONS, store.get(demonstrations)),
        pairs=store.rows(PAIRS, store.get(pairs)),
        seed=params.seed,
        device=params.device,
    )


def _source(rows: list[Prompt]) -> str:
    return rows[0].source if rows else ""
