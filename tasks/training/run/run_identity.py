"""What a training run is, so that no other goes on from its checkpoint."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from tasks.stored_policy import weights_sha256
from tasks.training.launch.ranks import num_ranks
from tasks.training.params import DECIDES_NOTHING, TrainingParams

_FORMAT = 1  # of our own state in a checkpoint


def run_identity(
    params: TrainingParams,
    start: Path,
    *,
    num_rows: int,
    num_dropped: int,
    references: Sequence[Path | None] = (),
) -> dict[str, Any]:
    """Return JSON that is the same for runs whose steps would be the same.

    `references` are models beside the start that the policy is held to, in their order; None stands
    for the start. The number of processes is part of it, since each has random numbers of its own.
    """
    deciding = params.model_dump_json(exclude=DECIDES_NOTHING)
    return {
        "format": _FORMAT,
        "method": type(params).__name__,
        "params": hashlib.sha256(deciding.encode()).hexdigest(),
        "num_rows": num_rows,
        "num_dropped": num_dropped,
        "start": weights_sha256(start),
        "references": [None if path is None else weights_sha256(path) for path in references],
        "num_processes": num_ranks(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
