"""All alarms of a training run, from its metrics alone."""

from collections.abc import Sequence

from tasks.training.params import TrainingParams
from tasks.training.run.training_result import StepCompletion, StepMetric
from tasks.training.watch.alarm import Alarm
from tasks.training.watch.drift_alarms import (
    entropy_collapse,
    forgetting,
    kl_explosion,
    length_growth,
    reward_unread,
)
from tasks.training.watch.pair_alarms import (
    accuracy_at_once,
    both_logps_falling,
    loss_near_zero,
    no_movement,
)
from tasks.training.watch.watched_run import watched_run

_CHECKS = (
    both_logps_falling,
    kl_explosion,
    loss_near_zero,
    entropy_collapse,
    length_growth,
    forgetting,
    accuracy_at_once,
    no_movement,
    reward_unread,
)


def find_alarms(
    steps: Sequence[StepMetric],
    method: str,
    params: TrainingParams,
    completions: Sequence[StepCompletion] = (),
) -> list[Alarm]:
    """Return the alarms of a run, the gravest first; an empty list is a quiet run.

    They read what was logged and know nothing of the data: an alarm is a reason to look, and a quiet
    run may still have learned the wrong thing.
    """
    run = watched_run(steps, method, params, completions)
    found = (check(run) for check in _CHECKS)
    return [alarm for alarm in found if alarm is not None]


def alarms_markdown(alarms: Sequence[Alarm]) -> str:
    """Return alarms as a Markdown list."""
    return "\n".join(
        f"- **{alarm.name}** (step {alarm.step}, {alarm.value:.3g}): {alarm.advice}"
        for alarm in alarms
    )
