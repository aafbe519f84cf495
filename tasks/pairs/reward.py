"""Who prefers where the user names nobody."""

from storage.input_error import InputError
from tasks.judging.judge_name import default_reward


def resolve_reward(judge: str, source: str) -> str:
    """Return the name of the judge that labels pairs; `auto` is the source's default.

    Raises:
        InputError: `auto` for a source whose only judge is the one that evaluates.
    """
    if judge != "auto":
        return judge
    reward = default_reward(source)
    if reward is None:
        raise InputError(
            f"pairs of source {source!r} would be labelled by its only judge, 'choice', which then "
            "could not evaluate; use pairs.method=dataset, or name another judge for evaluation and "
            "set pairs.judging.judge=choice"
        )
    return reward
