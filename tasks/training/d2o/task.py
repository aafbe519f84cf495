"""D2O in Prefect."""

from dataclasses import replace
from typing import TYPE_CHECKING

from prefect import task

from storage.store import open_store
from storage.tables.negatives import NEGATIVES
from tasks.stage_run import StageResult
from tasks.stored_policy import read_policy
from tasks.training.d2o.params import D2OParams
from tasks.training.run.run_files import RunFiles
from tasks.training.task import TrainingJob, may_resume, run_training

if TYPE_CHECKING:
    from tasks.training.run.training_result import TrainingResult


@task(name="train-d2o", tags=["gpu"], retries=1, retry_condition_fn=may_resume)
def train_d2o_task(
    negatives: str,
    start: str,
    params: D2OParams,
    root: str,
    *,
    self_reference: str = "",
    negative_reference: str = "",
    rerun: bool = False,
) -> StageResult:
    """Train on negatives and their anchors.

    `self_reference` and `negative_reference` are the policies that the self-samples and the negative
    are compared with; empty for `start`.
    """
    store = open_store(root)
    references = (self_reference or start, negative_reference or start)
    others = references if set(references) != {start} else ()
    job = TrainingJob(
        stage="train-d2o",
        method="d2o",
        data=negatives,
        start=start,
        params=params,
        other_parents=others,
        keeps_completions=params.resample_every > 0,
    )

    def train(files: RunFiles) -> "TrainingResult":
        from tasks.training.launch.train_where_asked import train_where_asked

        rows = store.rows(NEGATIVES, store.get(negatives), verify=True)
        kept = [row for row in rows if row.split == "train"]
        own, negative = (
            None if reference == start else read_policy(store, reference).checkpoint
            for reference in references
        )
        held = replace(files, self_reference=own, negative_reference=negative)
        return train_where_asked("d2o", kept, params, held)

    return run_training(store, job, train, rerun=rerun)
