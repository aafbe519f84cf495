"""Who labels on-policy pairs."""

from storage.input_error import InputError
from tasks.judging.judge_name import default_reward
from tasks.pairs.params import PairsParams


def resolve_reward(params: PairsParams, source: str) -> str:
    """Return the kind of judge that labels on-policy pairs.

    Raises:
        InputError: `auto` for a source whose only judge is the one that evaluates.
    """
    if params.judge != "auto":
        return params.judge
    reward = default_reward(source)
    if reward is None:
        raise InputError(
            f"on-policy pairs of source {source!r} would be labelled by its only judge, 'choice', "
            "which then could not evaluate; use pairs.method=dataset, or name another judge for "
            "evaluation and set pairs.judge=choice"
        )
    return reward
