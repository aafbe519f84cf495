"""What a PPO run tells: its metrics, and the answers of the policy in training."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from storage.tables.completions import Completion
from tasks.progress import Progress
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.rollout import Answer
from tasks.training.ppo.tracking import open_trackers
from tasks.training.run.training_log import TrainingLog
from tasks.training.run.training_result import StepCompletion, StepMetric, StopReason

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker


class RunLog:
    """Collects metrics and answers, and passes metrics on to the trackers.

    `of` is the log that becomes the result of the run.
    """

    def __init__(self, progress: Progress, params: PPOParams) -> None:
        self.of = TrainingLog(progress)
        self._params = params
        self._trackers: list[GeneralTracker] = []
        self._sampled_at: int | None = None

    def add_all(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keep metrics of one step."""
        for name, value in metrics.items():
            self.of.add(step, name, value)
        for tracker in self._trackers:
            tracker.log(dict(metrics), step=step)

    def keep_answers(self, step: int, answers: Sequence[Answer]) -> None:
        """Keep what the policy answered after this step, as far as the parameters want it."""
        params = self._params
        if not params.keep_rollouts:
            if not self._is_due(step):
                return
            answers = answers[: params.sample_prompts * params.samples_per_prompt]
        self._sampled_at = step
        self.of.keep(step, [answer.question.completion for answer in answers])

    def stop(self, reason: StopReason, kept_step: int, detail: str) -> None:
        """Note why training ended early and which step's weights are kept."""
        self.of.stop(reason, kept_step, detail)

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return {
            "steps": [[row.step, row.metric, row.value] for row in self.of.steps],
            "completions": [[row.step, asdict(row.completion)] for row in self.of.completions],
            "sampled_at": self._sampled_at,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the log of an interrupted run; the trackers have had it already."""
        self.of.steps = [StepMetric(*row) for row in state["steps"]]
        self.of.completions = [
            StepCompletion(step, Completion(**fields)) for step, fields in state["completions"]
        ]
        self._sampled_at = state["sampled_at"]

    def __enter__(self) -> Self:
        """Start the trackers."""
        self._trackers = open_trackers(self._params)
        return self

    def __exit__(self, *_error: object) -> None:
        """Tell the trackers that nothing follows."""
        for tracker in self._trackers:
            tracker.finish()

    def _is_due(self, step: int) -> bool:
        every, earlier = self._params.sample_every, self._sampled_at
        return every > 0 and (earlier is None or step // every > earlier // every)
