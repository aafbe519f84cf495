"""PPO in Prefect."""

from typing import TYPE_CHECKING

from prefect import task

from storage.store import open_store
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from tasks.judging.judge_name import reward_name
from tasks.stage_run import StageResult
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.reward import make_reward, reward_judge
from tasks.training.run.run_files import RunFiles
from tasks.training.task import TrainingJob, run_training

if TYPE_CHECKING:
    from tasks.training.run.training_result import TrainingResult


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
    job = TrainingJob(
        stage="train-ppo",
        method="ppo",
        data=prompts,
        start=start,
        params=params,
        rewarded_from=(demonstrations, pairs),
        reward=reward_name(reward_judge(params.reward, source)),
    )

    def train(files: RunFiles) -> "TrainingResult":
        from tasks.training.ppo.train_ppo import train_ppo

        judge = make_reward(
            params.reward,
            source,
            demonstrations=store.rows(DEMONSTRATIONS, store.get(demonstrations)),
            pairs=store.rows(PAIRS, store.get(pairs)),
            seed=params.seed,
            device=params.device,
        )
        return train_ppo(rows, judge, params, files)

    return run_training(store, job, train, rerun=rerun)
