"""Where a training run reads and writes, and who hears how far it is."""

from dataclasses import dataclass
from pathlib import Path

from tasks.progress import Progress, silent


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """The directories of one training run, and its listener.

    Training starts from the checkpoint `start`, which is also the reference, and writes its policy
    to `out`. In `checkpoints` it keeps what it needs to go on after an interruption, and what an
    interrupted run of the same work left there is gone on with; None keeps nothing. The two
    references are those of a method that holds the policy to other models than its start. The
    directory `reference_logps` holds what is known already of the reference (see `KnownLogps`).
    """

    start: Path
    out: Path
    checkpoints: Path | None = None
    self_reference: Path | None = None
    negative_reference: Path | None = None
    reference_logps: Path | None = None
    progress: Progress = silent
