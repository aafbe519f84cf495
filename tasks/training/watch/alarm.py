"""Something in a run's metrics that its user should know, with what to do about it."""

from dataclasses import dataclass
from typing import Literal

AlarmName = Literal[
    "both_logps_falling",
    "accuracy_at_once",
    "no_movement",
    "loss_near_zero",
    "kl_explosion",
    "entropy_collapse",
    "length_growth",
    "forgetting",
    "reward_unread",
]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm: at which optimizer step it was seen and the figure that gave it.

    The advice says first what was seen, then what it means, then what to change.
    """

    name: AlarmName
    advice: str
    step: int
    value: float
