"""How long a comparison is in sight."""

from collections.abc import Callable

MOST_IDLE_SECONDS = 120.0
"""Longest time without a key that counts; after it the person is taken to be away."""


class Stopwatch:
    """Seconds since it was made, without those that were left out or idle."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seconds = 0.0
        self._last = clock()

    def lap(self) -> float:
        """Return the seconds up to now."""
        now = self._clock()
        self._seconds += min(now - self._last, MOST_IDLE_SECONDS)
        self._last = now
        return self._seconds

    def leave_out(self) -> None:
        """Do not count the time since the last lap."""
        self._last = self._clock()
