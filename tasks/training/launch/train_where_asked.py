"""Training where its parameters want it."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from tasks.training.params import TrainingParams
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_result import TrainingResult

Method = Literal["sft", "dpo", "d2o"]


def train_where_asked(
    method: Method, rows: Sequence[Any], params: TrainingParams, files: RunFiles
) -> TrainingResult:
    """Return how the training of `method` on its rows went.

    It runs in this process, or with `params.launch` in those that accelerate starts.

    Raises:
        InputError: as the method, or as `train_launched`.
        RuntimeError: as `train_launched`.
    """
    if not params.launch:
        return trainer_of(method)(rows, params, files)
    from tasks.training.launch.train_launched import train_launched

    return train_launched(method, rows, params, files)


def trainer_of(method: Method) -> Callable[[Sequence[Any], Any, RunFiles], TrainingResult]:
    """Return the function that trains by `method`; its libraries are imported only now."""
    if method == "sft":
        from tasks.training.sft.train_sft import train_sft

        return train_sft
    if method == "dpo":
        from tasks.training.dpo.train_dpo import train_dpo

        return train_dpo
    from tasks.training.d2o.train_d2o import train_d2o

    return train_d2o
