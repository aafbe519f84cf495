"""A training run's metrics as series that alarms read."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.training.params import TrainingParams
from tasks.training.run.training_result import StepCompletion, StepMetric

WINDOW_SHARE = 0.1
MOST_IN_WINDOW = 20
LEAST_IN_WINDOW = 3
"""A tenth of a run, 3 to 20 measurements, is one figure: single batches scatter too much."""


@dataclass(frozen=True, slots=True)
class Series:
    """The finite values of one metric by step, in order; never empty."""

    steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def start(self) -> float:
        """The mean of the first window."""
        return self._mean(self.values[: self._window])

    @property
    def end(self) -> float:
        """The mean of the last window."""
        return self._mean(self.values[-self._window :])

    @property
    def end_step(self) -> int:
        """The step of the last value."""
        return self.steps[-1]

    @property
    def stderr(self) -> float:
        """The standard error of `end` - `start` if values scatter as neighbours do.

        From differences of neighbours, so that a trend is not taken for scatter.
        """
        gaps = [b - a for a, b in zip(self.values, self.values[1:], strict=False)]
        if not gaps:
            return 0.0
        variance = sum(gap * gap for gap in gaps) / len(gaps) / 2
        return math.sqrt(2 * variance / self._window)

    @property
    def _window(self) -> int:
        count = len(self.values)
        return min(MOST_IN_WINDOW, max(LEAST_IN_WINDOW, round(count * WINDOW_SHARE)), count)

    @staticmethod
    def _mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)


@dataclass(frozen=True, slots=True)
class WatchedRun:
    """What alarms know of a run."""

    method: str
    params: TrainingParams
    series: Mapping[str, Series]
    completions: Sequence[StepCompletion] = ()

    def get(self, *metrics: str) -> Series | None:
        """Return the first of these metrics that the run has."""
        return next((self.series[name] for name in metrics if name in self.series), None)

    @property
    def num_steps(self) -> int:
        """The last step with a metric."""
        return max((series.end_step for series in self.series.values()), default=0)

    def parameter(self, name: str, default: float) -> float:
        """Return a parameter that only some methods have."""
        return float(getattr(self.params, name, default))


def watched_run(
    steps: Sequence[StepMetric],
    method: str,
    params: TrainingParams,
    completions: Sequence[StepCompletion] = (),
) -> WatchedRun:
    """Return a run's metrics as series; values that are not finite are left out."""
    values: dict[str, dict[int, float]] = defaultdict(dict)
    for row in steps:
        if math.isfinite(row.value):
            values[row.metric][row.step] = row.value
    series = {
        metric: Series(tuple(sorted(by_step)), tuple(by_step[step] for step in sorted(by_step)))
        for metric, by_step in values.items()
    }
    return WatchedRun(method, params, series, completions)
