"""Judges are named by strings; this file knows which names there are and which default to use."""

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, cast

from storage.input_error import InputError

JudgeKind = Literal["lexical", "oracle", "choice", "classifier", "llm"]
KINDS: dict[str, str] = {
    "lexical": "words and word pairs, fitted on labelled texts of the split `judge`",
    "oracle": "the derivation of generated reviews (source reviews)",
    "choice": "the chosen option of risk situations (sources risk and risk-synthetic)",
}
MODEL_KINDS: dict[str, str] = {
    "classifier": "a text classifier: classifier:<model directory or hub id>",
    "llm": "a language model behind an API: llm:<model>",
}
"""Judges that are a model, named after the colon."""
REWARD_SUFFIX = "-train"
_DEFAULTS: dict[str, tuple[str, ...]] = {
    "reviews": ("lexical", "oracle"),
    "imdb": ("lexical",),
    "hh-rlhf": ("lexical",),
    "risk": ("choice",),
    "risk-synthetic": ("choice",),
}


@dataclass(frozen=True, slots=True)
class JudgeName:
    """A judge's name, read; `model` is empty for the kinds that need none."""

    kind: JudgeKind
    text: str
    model: str = ""


def parse_judge_name(text: str) -> JudgeName:
    """Return what a judge's name says.

    Raises:
        InputError: no such judge.
    """
    if text in KINDS:
        return JudgeName(kind=cast("JudgeKind", text), text=text)
    kind, _, model = text.partition(":")
    if kind in MODEL_KINDS and model.strip():
        return JudgeName(kind=cast("JudgeKind", kind), text=text, model=model.strip())
    known = [*KINDS, *(f"{name}:<model>" for name in MODEL_KINDS)]
    close = difflib.get_close_matches(text.lower(), known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise InputError(
        f"judge {text!r} does not exist; there is {', '.join(known)}.{hint} "
        "'auto' takes what suits the source"
    )


def default_judges(source: str) -> tuple[str, ...]:
    """Return the judges that evaluation uses for a source where the user names none."""
    return _DEFAULTS.get(source, ("lexical",))


def default_reward(source: str) -> str | None:
    """Return the judge that labels on-policy pairs of a source, None if it must not have any.

    `lexical`, fitted on the split `train`: another classifier, on other texts, than the judge of
    the same kind that evaluates. Risk data has none: its only judge is `choice`, which evaluates,
    so its pairs are those of the data set.
    """
    return None if default_judges(source) == ("choice",) else "lexical"


def reward_name(judge: str) -> str:
    """Return the name under which a judge signs its verdicts where it labels pairs."""
    return f"{judge}{REWARD_SUFFIX}" if judge == "lexical" else judge


def evaluation_judges(
    names: Iterable[str], source: str, *, rewards: Collection[str]
) -> tuple[str, ...]:
    """Return the judges that may score policies which the judges `rewards` trained.

    Those labelled their pairs, or rewarded them. `auto` stands for the defaults of the source without
    the rewards. `lexical` may be both, because the two are fitted on different splits; any other judge
    would score its own labels.

    Raises:
        InputError: no such judge, a judge that is also a reward, or no judge left.
    """
    wanted = tuple(dict.fromkeys(names))
    kinds = {parse_judge_name(name).kind for name in wanted if name != "auto"}
    trained = {parse_judge_name(reward.removesuffix(REWARD_SUFFIX)).kind for reward in rewards}
    taken = sorted(trained - {"lexical"})
    for kind in taken:
        if kind in kinds:
            raise InputError(
                f"judge {kind!r} labelled or rewarded what the policies were trained on, so it cannot "
                f"also score them; choose another judge ({', '.join(KINDS)}) or other policies"
            )
    judges = dict.fromkeys(
        judge
        for name in wanted
        for judge in (default_judges(source) if name == "auto" else (name,))
        if judge not in taken
    )
    if not judges:
        raise InputError(
            f"no judge is left to score source {source!r}: policies trained by "
            f"{', '.join(map(repr, taken))} and judges {list(wanted)}; use the pairs of the data set "
            "(pairs.method=dataset) or another judge"
        )
    return tuple(judges)
