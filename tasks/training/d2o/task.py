"""D2O in Prefect."""

from typing import TYPE_CHECKING

from prefect import task

from storage.store import open_store
from storage.tables.negatives import NEGATIVES
from tasks.stage_run import StageResult
from tasks.training.d2o.params import D2OParams
from tasks.training.run.run_files import RunFiles
from tasks.training.task import TrainingJob, run_training

if TYPE_CHECKING:
    from tasks.training.run.training_result import TrainingResult


@task(name="train-d2o", tags=["gpu"])
def train_d2o_task(
    negatives: str, start: str, params: D2OParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train on negatives and their anchors."""
    store = open_store(root)
    job = TrainingJob(stage="train-d2o", method="d2o", data=negatives, start=start, params=params)

    def train(files: RunFiles) -> "TrainingResult":
        from tasks.training.launch.train_where_asked import train_where_asked

        rows = store.rows(NEGATIVES, store.get(negatives), verify=True)
        kept = [row for row in rows if row.split == "train"]
        return train_where_asked("d2o", kept, params, files)

    return run_training(store, job, train, rerun=rerun)
