"""The figures of a queue, kept for a few seconds: many labels take long to count."""

import time
from collections import defaultdict
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from tasks.annotation.figures.queue_figures import QueueFigures

KEPT_SECONDS = 5.0


class _Kept(NamedTuple):
    figures: QueueFigures
    until: float


class FiguresCache:
    """Asks `figures_of` about a queue once in a few seconds, however many people look."""

    def __init__(
        self,
        figures_of: Callable[[str], QueueFigures],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._figures_of = figures_of
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self._lock = Lock()

    def figures(self, queue_id: str) -> QueueFigures:
        """Return the figures of a queue, at most a few seconds old."""
        with self._lock:
            lock = self._locks[queue_id]
        with lock:  # who comes while they are counted waits for them, and counts not again
            kept = self._kept.get(queue_id)
            if kept is None or kept.until <= self._clock():
                figures = self._figures_of(queue_id)
                kept = self._kept[queue_id] = _Kept(figures, self._clock() + KEPT_SECONDS)
            return kept.figures

    def forget(self, queue_id: str) -> None:
        """Let the figures of a queue be counted anew, as after an adjudication."""
        self._kept.pop(queue_id, None)
