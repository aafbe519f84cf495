"""The plots of a report. Matplotlib is imported only while one is drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from storage.tables.estimates import Estimate
from storage.tables.training_steps import TrainingStep
from tasks.evaluation.metrics import KL, main_metric, metric_of
from tasks.evaluation.report_data import ReportData
from tasks.evaluation.results_table import result_table
from tasks.evaluation.themed_svg import (
    INK,
    MUTED,
    Plot,
    plain_label,
    policy_color,
    themed_plot,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = {
    "loss": "loss",
    "rewards/margins": "reward margin",
    "kl": "KL to the reference, nats",
}
_AXIS_UNITS = {"share": "points", "nats": "nats", "tokens": "tokens"}


@dataclass(frozen=True, slots=True)
class PolicyCurves:
    """The learning curves of one policy."""

    policy_id: str
    name: str
    plots: tuple[Plot, ...]


@dataclass(frozen=True, slots=True)
class _Point:
    """A policy in the plane of KL and the main metric; without estimate the KL is 0."""

    name: str
    color: str
    kl: Estimate | None
    score: Estimate


def color_index(data: ReportData, policy_id: str) -> int:
    """Return which of the page's policy colours a policy has."""
    return list(data.names).index(policy_id)


def forest_plots(data: ReportData) -> list[Plot]:
    """Return the paired differences to the reference with their intervals, a plot a metric."""
    table = result_table(data)
    plots = []
    for column, metric in enumerate(table.metrics):
        gains = {
            row.policy_id: row.cells[column].gain
            for row in table.rows
            if row.policy_id in data.compared
        }
        rows = {k: gain for k, gain in gains.items() if gain and np.isfinite(gain.stderr)}
        if not rows:
            continue
        unit = _AXIS_UNITS.get(metric.unit)
        title = f"{metric.title}, minus {table.reference}" + (f" ({unit})" if unit else "")
        draw = _forest(data, rows, 100 if metric.unit == "share" else 1)
        plots.append(themed_plot(title, 0.6 + 0.42 * len(rows), draw))
    return plots


def learning_curves(data: ReportData) -> list[PolicyCurves]:
    """Return for each trained policy a plot of each of its logged curves over optimizer steps."""
    logged: dict[tuple[str, str], list[TrainingStep]] = {}
    for row in sorted(data.training_steps, key=lambda row: row.step):
        logged.setdefault((row.policy_id, row.metric), []).append(row)
    curves = []
    for policy_id, name in data.names.items():
        color = policy_color(color_index(data, policy_id))
        plots = tuple(
            themed_plot(f"{name}: {title}", 2.3, _curve(logged[policy_id, metric], color))
            for metric, title in CURVES.items()
            if (policy_id, metric) in logged
        )
        if plots:
            curves.append(PolicyCurves(policy_id=policy_id, name=name, plots=plots))
    return curves


def frontier_plot(data: ReportData) -> Plot | None:
    """Return the main metric over KL with both intervals, None where either was not measured.

    The reference stands at KL 0, which is its KL to itself by definition.
    """
    main = main_metric(row.metric for row in data.estimates)
    own = {(row.policy_id, row.metric): row for row in data.estimates if row.baseline_id is None}
    points = [
        _Point(
            name=name,
            color=policy_color(color_index(data, policy_id)),
            kl=None if policy_id == data.reference_id else own.get((policy_id, KL)),
            score=own[policy_id, main or ""],
        )
        for policy_id, name in data.compared.items()
        if (policy_id, main) in own and (policy_id == data.reference_id or (policy_id, KL) in own)
    ]
    if main is None or all(point.kl is None for point in points):
        return None
    metric = metric_of(main)
    return themed_plot(f"{metric.title} over KL", 3.3, _frontier(points, metric.title))


def _forest(data: ReportData, rows: dict[str, Estimate], scale: int) -> "Callable[[Axes], None]":
    def draw(axes: "Axes") -> None:
        for place, (policy_id, gain) in enumerate(rows.items()):
            color = policy_color(color_index(data, policy_id))
            axes.plot([scale * gain.low, scale * gain.high], [place] * 2, color=color, linewidth=2)
            axes.plot([scale * gain.value], [place], "o", color=color, markersize=7)
        axes.axvline(0, color=MUTED, linewidth=1)
        axes.set_yticks(range(len(rows)), [plain_label(data.names[key]) for key in rows])
        axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=11)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.margins(x=0.08)

    return draw


def _curve(rows: Sequence[TrainingStep], color: str) -> "Callable[[Axes], None]":
    steps = [row.step for row in rows]
    values = np.array([row.value for row in rows], dtype=np.float64)

    def draw(axes: "Axes") -> None:
        width = max(1, len(values) // 20)
        if width > 1:
            axes.plot(steps, values, color=color, linewidth=0.8, alpha=0.35)
        axes.plot(steps, _smoothed(values, width), color=color, linewidth=2)
        if len(values) == 1:
            axes.plot(steps, values, "o", color=color)
        axes.set_xlabel("optimizer step")
        axes.grid(axis="y")
        axes.margins(x=0.02)

    return draw


def _smoothed(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the mean over `width` values around each value, over fewer at both ends."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    places = np.arange(len(values))
    starts = np.maximum(0, places - width // 2)
    ends = np.minimum(len(values), places + width // 2 + 1)
    means: NDArray[np.float64] = (sums[ends] - sums[starts]) / (ends - starts)
    return means


def _frontier(points: Sequence[_Point], title: str) -> "Callable[[Axes], None]":
    def draw(axes: "Axes") -> None:
        for point in points:
            x = 0.0 if point.kl is None else point.kl.value
            y = 100 * point.score.value
            if point.kl is not None:
                axes.plot([point.kl.low, point.kl.high], [y, y], color=point.color, linewidth=1.5)
            bounds = [100 * point.score.low, 100 * point.score.high]
            axes.plot([x, x], bounds, color=point.color, linewidth=1.5)
            axes.plot([x], [y], "o", color=point.color, markersize=8)
            axes.annotate(
                plain_label(point.name),
                (x, y),
                xytext=(8, 7),
                textcoords="offset points",
                fontweight="bold",
            )
        axes.set_xlabel("KL to the reference, nats an answer")
        axes.set_ylabel(f"{title}, %")
        axes.grid()
        axes.margins(0.12)

    return draw
