"""The key results: policies by metrics, each with its interval and its gain over the reference."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.tables.estimates import Estimate
from tasks.evaluation.metrics import KL_EXACT, METRICS, TRUNCATED, Metric, in_order, metric_of
from tasks.evaluation.report_data import ReportData
from tasks.evaluation.wording import figures, interval, is_clear

DETAIL_METRICS = frozenset({"lexical", KL_EXACT, TRUNCATED})
"""Shown among all estimates but not among the key results."""


@dataclass(frozen=True, slots=True)
class ResultCell:
    """A policy's own mean of a metric and its paired difference to the reference."""

    metric: Metric
    own: Estimate | None
    gain: Estimate | None

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `changed` where the interval of the gain excludes zero, else ''."""
        if self.gain is None or not is_clear(self.gain):
            return ""
        if self.metric.better == "neither":
            return "changed"
        return "better" if (self.gain.value > 0) == (self.metric.better == "higher") else "worse"


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A policy's cells, in the order of the table's metrics."""

    policy_id: str
    name: str
    is_reference: bool
    cells: tuple[ResultCell, ...]


@dataclass(frozen=True, slots=True)
class ResultTable:
    """The key results; `reference` is the name of the policy that gains are counted from."""

    metrics: tuple[Metric, ...]
    rows: tuple[ResultRow, ...]
    reference: str | None


def result_table(data: ReportData, metrics: Sequence[str] | None = None) -> ResultTable:
    """Return the table of `metrics`, or of all that count as key results and were estimated."""
    found = in_order(row.metric for row in data.estimates)
    shown = [metric_of(name) for name in metrics or found if metrics or name not in DETAIL_METRICS]
    by_key = {(row.policy_id, row.baseline_id, row.metric): row for row in data.estimates}
    return ResultTable(
        metrics=tuple(shown),
        rows=tuple(
            ResultRow(
                policy_id=policy_id,
                name=name,
                is_reference=policy_id == data.reference_id,
                cells=tuple(
                    ResultCell(
                        metric=metric,
                        own=by_key.get((policy_id, None, metric.name)),
                        gain=by_key.get((policy_id, data.reference_id, metric.name))
                        if data.reference_id is not None
                        else None,
                    )
                    for metric in shown
                ),
            )
            for policy_id, name in data.names.items()
        ),
        reference=data.names.get(data.reference_id or ""),
    )


def plain_rows(data: ReportData) -> list[dict[str, str]]:
    """Return every own mean with its n and its gain over the reference, a row each, as text."""
    table = result_table(data, in_order(row.metric for row in data.estimates))
    return [
        {
            "policy": row.name,
            "metric": cell.metric.name,
            "value": figures(cell.own),
            "interval": interval(cell.own),
            "prompts": str(cell.own.num_prompts),
            "values": str(cell.own.num_samples),
            "gain": "" if cell.gain is None else figures(cell.gain),
            "gain_interval": "" if cell.gain is None else interval(cell.gain),
        }
        for row in table.rows
        for cell in row.cells
        if cell.own is not None
    ]


def described(data: ReportData) -> list[Metric]:
    """Return the metrics that occur, in order, for the reader's guide."""
    return [METRICS[n] for n in in_order(row.metric for row in data.estimates) if n in METRICS]
