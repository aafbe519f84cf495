"""PPO in Prefect."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from prefect import task
from prefect.runtime import flow_run

from storage.store import Store, open_store
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.pairs import PAIRS
from storage.tables.policies import POLICIES
from storage.tables.prompts import PROMPTS, Prompt
from storage.tables.spending import SPENDING, Spending
from storage.work import Work
from storage.writer import StageWriter
from tasks.api_key import read_api_key
from tasks.judging.judge_name import reward_name
from tasks.sampling.api.connect import base_url
from tasks.stage_run import StageResult, run_stage
from tasks.training.ppo.deciding import deciding
from tasks.training.ppo.params import PPOParams
from tasks.training.reward.reward import make_reward, reward_judge
from tasks.training.run.run_files import RunFiles
from tasks.training.task import TrainingJob, may_resume, run_training

if TYPE_CHECKING:
    from tasks.training.run.training_result import TrainingResult

STAGE = "train-ppo"
SPENDING_STAGE = "reward-spending"
_VERSION = 1


@task(name=STAGE, tags=["gpu"], retries=1, retry_condition_fn=may_resume)
def train_ppo_task(
    prompts: str, start: str, params: PPOParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train on the prompts of split train, rewarded by a judge.

    A judge that learns does so from the demonstrations and pairs of split train that go with the
    prompts. What a judge behind an API cost is an artifact of its own, made from the policy's.

    Raises:
        InputError: as `train_ppo`, or there is no key for the judge's server.
        ApiUnavailableError: the judge's server does not answer; a retry goes on from a checkpoint.
    """
    store = open_store(root)
    asked = store.get(prompts)
    rows = [row for row in store.rows(PROMPTS, asked, verify=True) if row.split == "train"]
    source = rows[0].source if rows else ""
    by_llm = bool(params.reward_model)
    job = TrainingJob(
        stage=STAGE,
        method="ppo",
        data=prompts,
        start=start,
        params=deciding(params),
        other_parents=() if by_llm else (asked.outputs["demonstrations"], asked.outputs["pairs"]),
        reward=reward_name(reward_judge(params.reward, source)),
        keeps_completions=params.keep_rollouts,
    )
    spent: list[Spending] = []

    def train(files: RunFiles) -> "TrainingResult":
        if by_llm:
            return _train_by_llm(store, rows, params, files, spent)
        from tasks.training.ppo.train_ppo import train_ppo

        judge = make_reward(
            params.reward,
            source,
            demonstrations=store.rows(DEMONSTRATIONS, store.get(asked.outputs["demonstrations"])),
            pairs=store.rows(PAIRS, store.get(asked.outputs["pairs"])),
            seed=params.seed,
            device=params.device,
        )
        return train_ppo(rows, judge, params, files)

    result = run_training(store, job, train, rerun=rerun)
    return _with_spending(store, result, spent) if by_llm and not result.reused else result


def _train_by_llm(
    store: Store,
    rows: Sequence[Prompt],
    params: PPOParams,
    files: RunFiles,
    spent: list[Spending],
) -> "TrainingResult":
    """Train with a judge behind an API; what it cost is added to `spent`."""
    from tasks.training.ppo.llm_reward import llm_reward, reward_journal
    from tasks.training.ppo.train_ppo import train_ppo

    key = read_api_key(
        base_url(params.api), key_env=params.api.key_env, key_block=params.api.key_block
    )
    run = flow_run.get_id() or uuid4().hex
    with reward_journal(params, store.journal_path, run=run, stage=STAGE) as journal:
        judge = llm_reward(params, journal, api_key=key)
        result = train_ppo(rows, judge, params, files)
        spent += judge.spent()
    return result


def _with_spending(store: Store, result: StageResult, spent: Sequence[Spending]) -> StageResult:
    """Return the result with the artifact of what its rewards cost in the run that ended it.

    What interrupted runs before it cost is in the journal, which `prefline spending` shows.
    """
    work = Work(
        stage=SPENDING_STAGE, stage_version=_VERSION, parents=(result.outputs[POLICIES.name],)
    )

    def body(writer: StageWriter) -> None:
        writer.write(SPENDING, spent)

    made = run_stage(store, work, (SPENDING,), body, rerun=False)
    return result.model_copy(
        update={"outputs": result.outputs | made.outputs, "rows": result.rows | made.rows}
    )
