"""Writes a run's checkpoints, and takes up the last one of an interrupted run."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from typing_extensions import override

from tasks.training.launch.ranks import is_first_rank, on_any_rank
from tasks.training.run.checkpoint_directory import (
    checkpoint_path,
    discard,
    keep_only,
    mark_whole,
    newest_whole,
)
from tasks.training.run.processes import meet, of_first
from tasks.training.run.resumable import Resumable, read_states, resumable, write_states
from tasks.training.run.termination import Termination
from tasks.training.run.training_log import TrainingLog

if TYPE_CHECKING:
    from transformers import Trainer

_LOG = logging.getLogger(__name__)


class InterruptedTrainingError(RuntimeError):
    """Training was asked to end before its last step; the same work goes on where it stopped."""


class RunEndedError(RuntimeError):
    """The run whose checkpoint was taken up had made its last step."""


class Checkpoints(TrainerCallback):
    """Writes a checkpoint every few steps, and one, the last, when SIGTERM has come.

    transformers writes weights, optimizer, scheduler, random numbers and its own state; this adds
    the state of every callback that is `Resumable`, makes all durable and marks it as whole. Only
    the newest whole one is kept. Add it after all other callbacks, which it must find at the
    end of their step.
    """

    def __init__(
        self,
        trainer: "Trainer",
        directory: Path,
        identity: dict[str, Any],
        log: TrainingLog,
        *,
        every: int,
        termination: Termination,
    ) -> None:
        self._trainer = trainer
        self._directory = directory
        # a state that a callback has no use for, or lacks, belongs to another version of the method
        self._identity = {**identity, "callbacks": sorted(self._resumable())}
        self._log = log
        self._every = every
        self._termination = termination
        self.is_interrupted = False

    def take_up(self) -> Path | None:
        """Return the checkpoint to go on from, for `Trainer.train`, None without one.

        The states of the callbacks are restored.
        """
        device = self._trainer.args.device
        found = newest_whole(self._directory, self._identity) if is_first_rank() else None
        checkpoint = of_first(found, device)
        if checkpoint is None:
            return None
        states = of_first(read_states(checkpoint) if is_first_rank() else None, device) or {}
        for name, callback in self._resumable().items():
            callback.restore(states[name])
        _LOG.info("going on from %s", checkpoint)
        return checkpoint

    @override
    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Go no further where an interrupted run had come to its end.

        Raises:
            RunEndedError: it had.
        """
        if state.global_step >= state.max_steps or self._log.stop_reason != "finished":
            raise RunEndedError

    @override
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask for a checkpoint where it is time for one."""
        self.is_interrupted = on_any_rank(self._termination.is_asked)
        is_due = self._every > 0 and state.global_step % self._every == 0
        if not self.is_interrupted and (control.should_training_stop or not is_due):
            return
        if is_first_rank():  # a half-written or another run's one would be written into
            discard(checkpoint_path(self._directory, state.global_step))
        meet()
        control.should_save = True
        control.should_training_stop |= self.is_interrupted

    @override
    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Complete what transformers has written."""
        checkpoint = checkpoint_path(self._directory, state.global_step)
        states = {name: callback.state() for name, callback in self._resumable().items()}
        meet()
        if is_first_rank():
            write_states(checkpoint, states)
            mark_whole(checkpoint, self._identity)
            keep_only(checkpoint)
        meet()

    def _resumable(self) -> dict[str, Resumable]:
        return resumable(self._trainer.callback_handler.callbacks)
