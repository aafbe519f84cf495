"""KTO in Prefect."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prefect import task

from storage.store import Store, open_store
from storage.tables.negatives import NEGATIVES, Negative
from storage.tables.pairs import PAIRS, PreferencePair
from tasks.stage_run import StageResult
from tasks.training.kto.params import KTOParams
from tasks.training.run.run_files import RunFiles
from tasks.training.task import TrainingJob, may_resume, run_training

if TYPE_CHECKING:
    from tasks.training.run.training_result import TrainingResult


@task(name="train-kto", tags=["gpu"], retries=1, retry_condition_fn=may_resume)
def train_kto_task(
    data: str, start: str, params: KTOParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Train on the answers of split train, in an artifact of preference pairs or of negatives."""
    store = open_store(root)
    job = TrainingJob(stage="train-kto", method="kto", data=data, start=start, params=params)

    def train(files: RunFiles) -> "TrainingResult":
        from tasks.training.kto.train_kto import train_kto

        return train_kto(_rows(store, data), params, files)

    return run_training(store, job, train, rerun=rerun)


def _rows(store: Store, data: str) -> Sequence[PreferencePair | Negative]:
    """Return the rows of split train."""
    artifact = store.get(data)
    if artifact.table == "negatives":
        negatives = store.rows(NEGATIVES, artifact, verify=True)
        return [row for row in negatives if row.split == "train"]
    pairs = store.rows(PAIRS, artifact, verify=True)
    return [row for row in pairs if row.split == "train"]
