"""Figures as text: one way to write each unit, everywhere in a report."""

import math

from storage.tables.estimates import Estimate
from tasks.evaluation.metrics import Unit, metric_of

_DIFFERENCE_UNITS: dict[Unit, str] = {"share": " points", "nats": " nats", "tokens": " tokens"}


def figure(value: float, unit: Unit) -> str:
    """Return a value: shares in percent, everything else with three digits that count."""
    if not math.isfinite(value):
        return "unknown"
    if unit == "share":
        return f"{100 * value:.1f} %"
    return _number(value, unit)


def figures(row: Estimate) -> str:
    """Return an estimate without its interval; a paired difference has its sign and its unit."""
    unit = metric_of(row.metric).unit
    if row.baseline_id is None:
        return figure(row.value, unit)
    value = 100 * row.value if unit == "share" else row.value
    return f"{_signed(value, unit)}{_DIFFERENCE_UNITS.get(unit, '')}"


def interval(row: Estimate) -> str:
    """Return the bounds of an estimate, without units."""
    if not (math.isfinite(row.low) and math.isfinite(row.high)):
        return "one prompt, no interval"
    unit = metric_of(row.metric).unit
    scale = 100 if unit == "share" else 1
    write = _number if row.baseline_id is None else _signed
    return f"{write(scale * row.low, unit)} to {write(scale * row.high, unit)}"


def is_clear(row: Estimate) -> bool:
    """Whether the interval of a paired difference excludes zero."""
    return row.low > 0 or row.high < 0


def sample_size(row: Estimate) -> str:
    """Return n in prompts and, where it differs, in scored values."""
    prompts = f"{row.num_prompts:,} prompt{'' if row.num_prompts == 1 else 's'}"
    if row.num_samples == row.num_prompts:
        return prompts
    return f"{prompts}, {row.num_samples:,} values"


def listed(names: list[str]) -> str:
    """Return names as a list in a sentence: a, b and c."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _number(value: float, unit: Unit) -> str:
    if unit in {"share", "nats", "tokens"}:
        digits = 2 if unit == "nats" and abs(value) < 10 else 1 if abs(value) < 1000 else 0  # noqa: PLR2004  - width
        return f"{round(value, digits) + 0.0:,.{digits}f}"  # + 0.0: there is no minus zero
    magnitude = 0 if value == 0 else math.floor(math.log10(abs(value)))
    return f"{value:,.{min(3, max(0, 2 - magnitude))}f}"


def _signed(value: float, unit: Unit) -> str:
    text = _number(abs(value), unit)
    return text if not text.strip("0.,") else f"{'-' if value < 0 else '+'}{text}"
