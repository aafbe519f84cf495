"""SFT in Prefect."""

from typing import TYPE_CHECKING

from prefect import task

from storage.store import open_store
from storage.tables.demonstrations import DEMONSTRATIONS
from tasks.stage_run import StageResult
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.params import SFTParams
from tasks.training.task import TrainingJob, may_resume, run_training

if TYPE_CHECKING:
    from tasks.training.run.training_result import TrainingResult


@task(name="train-sft", tags=["gpu"], retries=1, retry_condition_fn=may_resume)
def train_sft_task(
    demonstrations: str, base: str, params: SFTParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train by imitation on the demonstrations of split train."""
    store = open_store(root)
    job = TrainingJob(
        stage="train-sft", method="sft", data=demonstrations, start=base, params=params
    )

    def train(files: RunFiles) -> "TrainingResult":
        from tasks.training.launch.train_where_asked import train_where_asked

        rows = store.rows(DEMONSTRATIONS, store.get(demonstrations), verify=True)
        kept = [row for row in rows if row.split == "train"]
        return train_where_asked("sft", kept, params, files)

    return run_training(store, job, train, rerun=rerun)
