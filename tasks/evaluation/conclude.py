"""Scores become estimates: each policy's own mean and its paired differences to baselines."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from storage.tables.estimates import Estimate
from storage.tables.scores import Score
from tasks.evaluation.estimate import (
    Interval,
    estimate_bounded,
    estimate_difference,
    estimate_mean,
    sums_by_prompt,
)
from tasks.evaluation.estimate_perplexity import (
    PromptNats,
    estimate_perplexity,
    estimate_perplexity_difference,
    prompt_nats,
)
from tasks.evaluation.metrics import (
    DEMONSTRATION_NATS,
    DEMONSTRATION_TOKENS,
    PERPLEXITY,
    in_order,
    is_bounded,
)


@dataclass(slots=True)
class _Column:
    """The scores of one policy on one metric, entry by entry."""

    prompt_ids: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


_Columns = dict[tuple[str, str], _Column]


def conclude(
    scores: Iterable[Score], *, policies: Sequence[str], baselines: Sequence[str]
) -> list[Estimate]:
    """Return the estimates of all policies, policy by policy, metrics in the order of a report.

    Each policy gets its own mean of every metric that it was scored on, and the paired difference
    to each baseline on the prompts that both answered. Metrics from 0 to 1 get Wilson intervals; perplexity is
    concluded from nats and tokens. A metric without scores gives no row.
    """
    columns: _Columns = defaultdict(_Column)
    for score in sorted(scores, key=lambda row: (row.prompt_id, row.item)):
        column = columns[score.policy_id, score.metric]
        column.prompt_ids.append(score.prompt_id)
        column.values.append(score.value)
    metrics = in_order(
        metric for _, metric in columns if metric not in {DEMONSTRATION_NATS, DEMONSTRATION_TOKENS}
    )
    rows: list[Estimate] = []
    for policy_id in policies:
        rivals = [baseline for baseline in baselines if baseline != policy_id]
        for metric in metrics:
            rows += _metric_rows(columns, metric, policy_id, rivals)
        rows += _perplexity_rows(columns, policy_id, rivals)
    return rows


def _metric_rows(
    columns: _Columns, metric: str, policy_id: str, baselines: Sequence[str]
) -> list[Estimate]:
    own = columns.get((policy_id, metric))
    if own is None:
        return []
    estimate = estimate_bounded if is_bounded(metric) else estimate_mean
    rows = [_row(policy_id, None, metric, estimate(own.prompt_ids, own.values))]
    for baseline in baselines:
        other = columns.get((baseline, metric))
        if other is None:
            continue
        difference = estimate_difference(
            sums_by_prompt(own.prompt_ids, own.values),
            sums_by_prompt(other.prompt_ids, other.values),
        )
        if difference is not None:
            rows.append(_row(policy_id, baseline, metric, difference))
    return rows


def _perplexity_rows(columns: _Columns, policy_id: str, baselines: Sequence[str]) -> list[Estimate]:
    own = _nats(columns, policy_id)
    if own is None:
        return []
    rows = [_row(policy_id, None, PERPLEXITY, estimate_perplexity(own))]
    for baseline in baselines:
        other = _nats(columns, baseline)
        if other is None:
            continue
        difference = estimate_perplexity_difference(own, other)
        if difference is not None:
            rows.append(_row(policy_id, baseline, PERPLEXITY, difference))
    return rows


def _nats(columns: _Columns, policy_id: str) -> PromptNats | None:
    nats = columns.get((policy_id, DEMONSTRATION_NATS))
    tokens = columns.get((policy_id, DEMONSTRATION_TOKENS))
    if nats is None or tokens is None:
        return None
    return prompt_nats(nats.prompt_ids, nats.values, tokens.values)


def _row(policy_id: str, baseline_id: str | None, metric: str, interval: Interval) -> Estimate:
    return Estimate(
        policy_id=policy_id,
        baseline_id=baseline_id,
        metric=metric,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        stderr=interval.stderr,
        num_prompts=interval.num_prompts,
        num_samples=interval.num_samples,
    )
