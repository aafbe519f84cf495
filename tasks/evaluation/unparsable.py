"""Whether a judge could read enough of what it was given."""

from collections.abc import Iterable

from storage.tables.estimates import Estimate
from tasks.evaluation.wording import figure


def too_unparsable(
    estimates: Iterable[Estimate], *, max_share: float, names: dict[str, str]
) -> list[str]:
    """Return one sentence for each policy and judge with more unparsable answers than `max_share`.

    `names` gives a policy id its name. The stage stores everything first and then fails with them.
    """
    return [
        f"{names.get(row.policy_id, row.policy_id)}: {figure(row.value, 'share')} of {row.num_samples} answers "
        f"are unreadable for judge {row.metric.removesuffix('/unparsable')!r}, allowed are "
        f"{figure(max_share, 'share')} (max_unparsable_share)"
        for row in estimates
        if row.metric.endswith("/unparsable") and row.baseline_id is None and row.value > max_share
    ]
