"""What the evaluation found, in one sentence."""

from dataclasses import dataclass

from tasks.evaluation.metrics import in_order, main_metric, metric_of
from tasks.evaluation.report_data import ReportData
from tasks.evaluation.results_table import ResultCell, result_table
from tasks.evaluation.wording import figures, interval, listed


@dataclass(frozen=True, slots=True)
class Headline:
    """A title and the figures that carry it."""

    title: str
    figures: str


def headline(data: ReportData) -> Headline:
    """Return who gained over the reference on the main metric, and by how much."""
    main = main_metric(row.metric for row in data.estimates)
    if main is None:
        return _without_judgement(data)
    title = metric_of(main).title
    table = result_table(data, [main])
    gains = {
        row.name: row.cells[0]
        for row in table.rows
        if row.cells[0].gain is not None and row.policy_id in data.compared
    }
    if table.reference is None or not gains:
        return Headline(f"{title} of each policy", _sizes([row.cells[0] for row in table.rows]))
    better = [name for name, cell in gains.items() if cell.verdict == "better"]
    worse = [name for name, cell in gains.items() if cell.verdict == "worse"]
    said = _said(better, worse, table.reference)
    carried = "; ".join(
        f"{name} {figures(cell.gain)} [{interval(cell.gain)}]"
        for name, cell in gains.items()
        if cell.gain is not None
    )
    return Headline(f"{said} on {title}", f"{carried}. {_sizes(list(gains.values()))}")


def _without_judgement(data: ReportData) -> Headline:
    """Return what to say where no answer has a score: nobody judged, or no judge could read."""
    blind = in_order(
        row.metric.removesuffix("/unparsable")
        for row in data.estimates
        if row.metric.endswith("/unparsable")
    )
    if not blind:
        return Headline("No answers were judged", "Only figures without a judge are below.")
    return Headline(
        f"No answer could be read by {listed(blind)}",
        "The policies do not answer in a form that the judge can read; nothing follows for their "
        "quality. Train longer, start from a model that follows the format, or use another judge.",
    )


def _said(better: list[str], worse: list[str], reference: str) -> str:
    parts = []
    if better:
        parts.append(f"{listed(better)} {'beats' if len(better) == 1 else 'beat'} {reference}")
    if worse:
        parts.append(f"{listed(worse)} {'falls' if len(worse) == 1 else 'fall'} behind {reference}")
    return ", ".join(parts) or f"No policy differs clearly from {reference}"


def _sizes(cells: list[ResultCell]) -> str:
    owns = [cell.own for cell in cells if cell.own is not None]
    prompts = "/".join(f"{size:,}" for size in sorted({row.num_prompts for row in owns}))
    answers = "/".join(f"{size:,}" for size in sorted({row.num_samples for row in owns}))
    return f"{prompts} prompts, {answers} answers each; 95 % intervals, clustered by prompt."
