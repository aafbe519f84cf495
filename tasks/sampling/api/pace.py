"""Keeping to a provider's limits of requests and tokens a minute."""

from collections import deque
from dataclasses import dataclass

SECONDS_A_MINUTE = 60.0


@dataclass(slots=True)
class Taken:
    """Units that were used, and when."""

    at: float
    units: int


class Pace:
    """Spaces calls so that no minute holds more than `per_minute` units; None is no limit.

    Evenly and without a burst at the start: a bucket that starts full lets twice the limit through
    in its first minute, which providers answer with 429. A call of more units than a minute allows
    has a minute for itself. Times are seconds of one clock that only goes forward.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._most = per_minute
        self._free_at = 0.0
        self._taken: deque[Taken] = deque()
        self._num_taken = 0

    def ready_at(self, units: int, now: float) -> float:
        """Return when `units` may be used, `now` if at once."""
        if self._most is None:
            return now
        while self._taken and self._taken[0].at <= now - SECONDS_A_MINUTE:
            self._forget(self._taken.popleft())
        at = max(now, self._free_at)
        num_over = self._num_taken + units - self._most
        for taken in self._taken:
            if num_over <= 0:
                break
            at = max(at, taken.at + SECONDS_A_MINUTE)
            num_over -= taken.units
        return at

    def take(self, units: int, now: float) -> Taken:
        """Use `units` now, and return what gives them back."""
        taken = Taken(now, units)
        if self._most is not None:
            self._free_at = max(self._free_at, now) + self._seconds(units)
            self._taken.append(taken)
            self._num_taken += units
        return taken

    def give_back(self, taken: Taken) -> None:
        """Undo a `take` whose call was not made."""
        if self._most is not None:
            self._free_at -= self._seconds(taken.units)
            self._forget(taken)

    def _forget(self, taken: Taken) -> None:
        self._num_taken -= taken.units
        taken.units = 0

    def _seconds(self, units: int) -> float:
        return units * SECONDS_A_MINUTE / self._most if self._most else 0.0
