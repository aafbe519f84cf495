"""The trackers that receive PPO's metrics beside the store."""

import os
from typing import TYPE_CHECKING

from tasks.training.ppo.params import PPOParams
from tasks.training.run.trackers import require_trackers

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker

_RUN_NAME = "prefline-ppo"


def open_trackers(params: PPOParams) -> "list[GeneralTracker]":
    """Return accelerate's tracker of each name in `report_to`, started.

    TensorBoard's files go to `runs/` here, or where TENSORBOARD_LOGGING_DIR says.

    Raises:
        InputError: a tracker is not installed.
    """
    names = require_trackers(params.report_to)
    if not names:
        return []
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    PartialState()  # accelerate's trackers ask it which process they are in
    trackers = []
    for name in names:
        made = LOGGER_TYPE_TO_CLASS[name]
        files = os.environ.get("TENSORBOARD_LOGGING_DIR", "runs")
        more = {"logging_dir": files} if made.requires_logging_directory else {}
        tracker = made(_RUN_NAME, **more)
        tracker.start()
        tracker.store_init_configuration(_flat(params))
        trackers.append(tracker)
    return trackers


def _flat(params: PPOParams) -> dict[str, str | int | float | bool]:
    """Return the parameters in types that every tracker takes; sections are left out."""
    values = params.model_dump(mode="json")
    return {k: v for k, v in values.items() if isinstance(v, str | int | float | bool)}
