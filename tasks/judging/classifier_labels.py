"""Which class of a classifier is the preferred one."""

from collections.abc import Sequence

from storage.input_error import InputError

PREFERRED = ("positive", "pos", "label_1")
"""Names of the preferred class, in any case. LABEL_1 is what transformers calls the second class of
a model whose classes nobody named; by custom it is the positive one."""


def preferred_class(
    labels: Sequence[str], *, model: str, problem_type: str | None = None
) -> int | None:
    """Return the place of the preferred class among two; None for a model with one logit.

    One logit is a reward: no class, and no probability either.

    Raises:
        InputError: the classes are not two of which exactly one has a preferred name, or several
            may hold at the same time (`problem_type` multi_label_classification).
    """
    if len(labels) == 1:
        return None
    preferred = [index for index, label in enumerate(labels) if label.lower() in PREFERRED]
    exclusive = problem_type != "multi_label_classification"
    if len(labels) == 2 and len(preferred) == 1 and exclusive:  # noqa: PLR2004  - yes and no
        return preferred[0]
    found = ", ".join(map(repr, labels)) or "no class"
    several = "" if exclusive else ", of which several may hold at once"
    raise InputError(
        f"classifier {model!r} knows {found}{several}; a judge needs two exclusive classes of which "
        f"exactly one is called {', '.join(PREFERRED)} (in any case), or a reward model with one "
        "logit. Where the preferred one has another name, rename it in id2label of config.json"
    )
