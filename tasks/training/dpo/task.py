"""DPO in Prefect."""

from typing import TYPE_CHECKING

from prefect import task

from storage.store import open_store
from storage.tables.pairs import PAIRS
from tasks.stage_run import StageResult
from tasks.training.dpo.params import DPOParams
from tasks.training.run.run_files import RunFiles
from tasks.training.task import TrainingJob, may_resume, run_training

if TYPE_CHECKING:
    from tasks.training.run.training_result import TrainingResult


@task(name="train-dpo", tags=["gpu"], retries=1, retry_condition_fn=may_resume)
def train_dpo_task(
    pairs: str, start: str, params: DPOParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train on the preference pairs of split train."""
    store = open_store(root)
    job = TrainingJob(stage="train-dpo", method="dpo", data=pairs, start=start, params=params)

    def train(files: RunFiles) -> "TrainingResult":
        from tasks.training.launch.train_where_asked import train_where_asked

        rows = store.rows(PAIRS, store.get(pairs), verify=True)
        kept = [row for row in rows if row.split == "train"]
        return train_where_asked("dpo", kept, params, files)

    return run_training(store, job, train, rerun=rerun)
