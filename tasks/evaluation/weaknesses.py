"""What a reader must hold against a report, found in its own rows."""

from collections.abc import Iterator

from storage.tables.estimates import Estimate
from tasks.evaluation.metrics import (
    DISTINCT_2,
    KL,
    LENGTH,
    PERPLEXITY,
    TRUNCATED,
    main_metric,
    metric_of,
)
from tasks.evaluation.report_data import ReportData
from tasks.evaluation.wording import figure, figures, interval, is_clear, listed

FEW_PROMPTS = 100
UNPARSABLE_SHARE = 0.05
WEAK_JUDGE = 0.8
LARGE_KL = 20.0
LENGTH_SHIFT = 0.2
MOSTLY = 0.5
Z_OF_POWER = 0.8416  # normal quantile of 80 % power
Z_OF_TEST = 1.96


def weaknesses(data: ReportData) -> list[str]:
    """Return sentences about what limits the conclusions, the gravest kinds first."""
    own = [row for row in data.estimates if row.baseline_id is None]
    gains = [
        row
        for row in data.estimates
        if row.baseline_id is not None and row.baseline_id == data.reference_id
    ]
    return [
        *_training(data),
        *_judges(data),
        *_unparsable(data, own),
        *_sample(own, gains),
        *_side_effects(data, own, gains),
        *_scope(data, gains),
        *data.notes,
    ]


def _training(data: ReportData) -> Iterator[str]:
    names = data.names
    for policy in data.policies:
        name = names[policy.policy_id]
        if policy.stop_reason == "diverged":
            yield f"{name}: training diverged and was stopped after {policy.num_steps} steps."
        elif policy.stop_reason == "kl_budget":
            yield (
                f"{name}: training was stopped by its KL budget after {policy.num_steps} steps; "
                "without the budget it would have moved further from its reference."
            )
        if policy.num_dropped:
            total = policy.num_rows + policy.num_dropped
            yield (
                f"{name}: {policy.num_dropped:,} of {total:,} training rows could not be used "
                "and were dropped."
            )


def _judges(data: ReportData) -> Iterator[str]:
    for judge in data.judges:
        if judge.accuracy is None or judge.accuracy >= WEAK_JUDGE:
            continue
        kept = max(0.0, 2 * judge.accuracy - 1)
        yield (
            f"Judge {judge.name} is right on {figure(judge.accuracy, 'share')} of {judge.num_held_out:,} "
            f"held-out texts. If its errors fall alike on all policies, it shows about {100 * kept:.0f} % "
            "of a true difference; if they do not, it can also invent one."
        )


def _unparsable(data: ReportData, own: list[Estimate]) -> Iterator[str]:
    shares: dict[str, list[str]] = {}
    for row in own:
        if row.metric.endswith("/unparsable") and row.value > UNPARSABLE_SHARE:
            share = f"{data.names[row.policy_id]} {figure(row.value, 'share')}"
            shares.setdefault(row.metric.removesuffix("/unparsable"), []).append(share)
    for judge, found in shares.items():
        yield (
            f"Judge {judge} could not read all answers ({', '.join(found)}). Its other figures are "
            "about the rest, which need not resemble them."
        )


def _sample(own: list[Estimate], gains: list[Estimate]) -> Iterator[str]:
    main = main_metric(row.metric for row in own)
    smallest = min((row.num_prompts for row in own if row.metric == main), default=0)
    if main is not None and smallest < FEW_PROMPTS:
        prompts = "1 prompt" if smallest == 1 else f"{smallest} prompts"
        yield f"{metric_of(main).title} stands on only {prompts}; the intervals are wide."
    detectable = max((row.stderr for row in gains if row.metric == main), default=0.0)
    if main is not None and 0 < detectable < float("inf"):
        least = (Z_OF_TEST + Z_OF_POWER) * detectable
        yield (
            f"On {metric_of(main).title} a gain below about "
            f"{figure(least, metric_of(main).unit).replace(' %', ' points')} would usually have "
            f"been missed here (80 % power)."
        )


def _side_effects(data: ReportData, own: list[Estimate], gains: list[Estimate]) -> Iterator[str]:
    names, reference = data.names, data.names.get(data.reference_id or "")
    means = {(row.policy_id, row.metric): row.value for row in own}
    for row in gains:
        if row.policy_id not in data.compared:
            continue
        before = means.get((data.reference_id or "", row.metric), 0.0)
        change = f"{figures(row)} [{interval(row)}] against {reference}"
        if row.metric == LENGTH and is_clear(row) and abs(row.value) > LENGTH_SHIFT * before:
            yield f"{names[row.policy_id]}: answers changed in length ({change}); a judge may follow length."
        elif row.metric == PERPLEXITY and row.low > 0:
            yield f"{names[row.policy_id]}: perplexity on held-out demonstrations rose ({change})."
        elif row.metric == DISTINCT_2 and row.high < 0:
            yield f"{names[row.policy_id]}: answers became less varied ({change})."
    for row in own:
        if row.metric == KL and row.value > LARGE_KL and row.policy_id in data.compared:
            yield f"{names[row.policy_id]}: KL of {figure(row.value, 'nats')} nats an answer is far from the reference; read its answers."
    cut = [names[row.policy_id] for row in own if row.metric == TRUNCATED and row.value > MOSTLY]
    if cut:
        yield f"{listed(cut)}: more than half of the answers were cut off by the token limit."


def _scope(data: ReportData, gains: list[Estimate]) -> Iterator[str]:
    if not any(row.metric == KL for row in data.estimates):
        yield "KL was not measured: it needs answers drawn at temperature 1 and top_p 1."
    if gains:
        yield (
            f"{len(gains)} differences are tested here without correction for their number; about "
            "one interval in twenty misses by chance."
        )
    yield (
        "One training run each: the intervals cover the choice of prompts and the sampling of "
        "answers, not what another training seed would give."
    )
