"""Where a PPO run keeps what it needs to go on after an interruption."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.tables.prompts import Prompt
from tasks.training.ppo.deciding import deciding
from tasks.training.ppo.params import PPOParams
from tasks.training.run.checkpoint_directory import (
    checkpoint_path,
    discard,
    keep_only,
    mark_whole,
    newest_whole,
)
from tasks.training.run.resumable import read_states, write_states
from tasks.training.run.run_files import RunFiles
from tasks.training.run.run_identity import run_identity
from tasks.training.run.training_run import run_directory

_LOG = logging.getLogger(__name__)

States = dict[str, dict[str, Any]]
"""What parts of a run remember, by name: trees of dicts of JSON values and tensors."""


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """The checkpoints of one run; without a directory nothing is kept."""

    directory: Path | None
    identity: dict[str, Any]

    def newest(self) -> States | None:
        """Return what the newest whole checkpoint of this run holds, None if there is none."""
        if self.directory is None:
            return None
        found = newest_whole(self.directory, self.identity)
        if found is None:
            return None
        _LOG.info("PPO goes on from %s", found)
        return read_states(found)

    def keep(self, step: int, states: States) -> None:
        """Write a checkpoint, and remove the others once all of it is there."""
        if self.directory is None:
            return
        checkpoint = checkpoint_path(self.directory, step)
        discard(checkpoint)
        checkpoint.mkdir(parents=True)
        write_states(checkpoint, states)
        mark_whole(checkpoint, self.identity)
        keep_only(checkpoint)


@contextmanager
def unfinished_run(
    files: RunFiles, params: PPOParams, prompts: Sequence[Prompt], reward: str
) -> Iterator[UnfinishedRun]:
    """Yield the checkpoints of a run on these prompts, rewarded by the judge called `reward`.

    None are kept where another process does the same work at this time.
    """
    with run_directory(files) as given:
        directory = files.checkpoints
        if directory is None or given != str(directory):
            yield UnfinishedRun(None, {})
            return
        identity = run_identity(deciding(params), files.start, num_rows=len(prompts), num_dropped=0)
        ids = "\n".join(prompt.prompt_id for prompt in prompts)
        identity |= {"prompts": hashlib.sha256(ids.encode()).hexdigest(), "reward": reward}
        yield UnfinishedRun(directory, identity)
