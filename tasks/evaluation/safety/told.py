"""The findings of a safety check in words and figures."""

from collections.abc import Sequence

from tasks.evaluation.estimate import Interval
from tasks.evaluation.safety.findings import Finding

HEADINGS = ("", "measured", "before", "after", "change", "passes if", "n")


def findings_rows(findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    """Return one row of texts a finding, under `HEADINGS`; n is answers / prompts."""
    return [
        (
            "FAIL" if found.failed else "ok" if found.bound else "",
            found.what,
            told(found.before),
            told(found.after),
            told(found.change, signed=True),
            found.bound,
            f"{found.after.num_samples}/{found.after.num_prompts}",
        )
        for found in findings
    ]


def findings_markdown(findings: Sequence[Finding]) -> str:
    """Return the findings as a Markdown table."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *findings_rows(findings)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def told(interval: Interval | None, *, signed: bool = False) -> str:
    """Return `0.25 (0.10 to 0.42)`, empty for nothing; one prompt alone has no interval."""
    if interval is None:
        return ""
    sign = "+" if signed else ""
    value = f"{interval.value:{sign}.3g}"
    if interval.num_prompts == 1:
        return f"{value} (one prompt: no interval)"
    return f"{value} ({interval.low:{sign}.3g} to {interval.high:{sign}.3g})"
