"""Candidates that try to tell their judge what to say.

Candidates stand in the judge's prompt as fenced data, which a judge may still obey. So what a
candidate asks for is found in its text, and a verdict that gives it what it asks for is marked. A
mark is a reason to look, not a verdict of its own: nothing is dropped or changed here. Phrases are
known ones, so a text that asks in words of its own goes unmarked: no mark is no proof of innocence.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from tasks.judging.injection_phrases import (
    ADDRESSES,
    ENGLISH,
    FORMS,
    OTHER_LANGUAGES,
    POSITIONS,
)
from tasks.judging.undisguise import undisguise

ADDRESSES_JUDGE = "addresses-judge"
"""A candidate tells the judge what to say, or turns to it at all."""
OBEYS_CANDIDATE = "obeys-candidate"
"""The verdict is what a candidate told the judge to say."""
SELF = "self"

Demands = frozenset[str]
"""What a text tells a judge to say: `1`, `2` or `tie`, a score or a label, `self` for the text
itself wherever it is shown. Empty for texts that do not address a judge."""


@lru_cache(maxsize=128)  # an answer is shown in both orders, and in many comparisons
def demands(text: str) -> Demands:
    """Return what a candidate's text tells its judge to say.

    A text that addresses the judge (`ignore all previous instructions`, a fake turn of the system, a
    fake end of the data) without naming an outcome is taken to want `self`.
    """
    plain = undisguise(text)
    named = frozenset(_named(plain))
    if named:
        return named
    return frozenset({SELF}) if any(phrase.search(plain) for phrase in ADDRESSES) else named


def flags_of(candidates: Sequence[str], verdict: str, *, highest: float = 10) -> tuple[str, ...]:
    """Return the reasons to distrust a verdict, of ADDRESSES_JUDGE and OBEYS_CANDIDATE.

    `candidates` are in the order in which the judge saw them, and `verdict` says in the same terms
    what it said: `1`, `2` or `tie` of two, a score or a label of one. `self` is obeyed by the
    candidate's own position, and for a score by `highest`, the best of the rubric's scale. In a
    comparison a demand for a score is one for `self`; a score above the scale is met by `highest`.
    """
    asked = [demands(text) for text in candidates]
    if not any(asked):
        return ()
    obeys = (
        _obeys_alone(verdict, asked[0], highest)
        if len(candidates) == 1
        else any(_obeys(verdict, wanted, str(at)) for at, wanted in enumerate(asked, start=1))
    )
    return (ADDRESSES_JUDGE, OBEYS_CANDIDATE) if obeys else (ADDRESSES_JUDGE,)


def _named(plain: str) -> Iterator[str]:
    for phrase in (*FORMS, *ENGLISH, *OTHER_LANGUAGES):
        for match in phrase.finditer(plain):
            yield _outcome(match)


def _outcome(match: re.Match[str]) -> str:
    found = {group: value for group, value in match.groupdict().items() if value}
    if "position" in found:
        return POSITIONS[found["position"]]
    if "score" in found:
        return str(int(found["score"]))
    return found.get("label", SELF)


def _obeys(verdict: str, wanted: Demands, position: str) -> bool:
    for_itself = bool(wanted - {"1", "2", "tie"})
    return verdict in wanted or (for_itself and verdict == position)


def _obeys_alone(verdict: str, wanted: Demands, highest: float) -> bool:
    score = _number(verdict)
    if score is None:
        return verdict.casefold() in wanted
    numbers = [number for text in wanted if (number := _number(text)) is not None]
    if SELF in wanted:
        numbers.append(highest)
    return any(score == min(number, highest) for number in numbers)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
