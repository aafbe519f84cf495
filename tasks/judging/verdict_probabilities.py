"""How likely each value was where a reply states its verdict.

The expected score over the judge's own probabilities is that of G-Eval (Liu et al. 2023, equation
1); here they are read from the token that holds the verdict instead of from many draws.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.judging.verdict_parser import Strategy
from tasks.sampling.api.reply import Choice, TokenLogprob

LOGPROB_READER = "logprob-reader v1"
MIN_MASS = 0.5
"""Where less than this belongs to allowed values, the rest could have been anything."""
AMBIGUOUS_MASS = 0.01
"""`1` may begin `10`; above this probability of `1`, nothing is read unless `10` is a token."""
MAX_LOGPROB = 1e-3
"""Rounding may lift a certain token slightly above a log-probability of 0."""
_AROUND = " \t\r\n\"'`*_:{}[](),."


@dataclass(frozen=True, slots=True)
class Stated:
    """A value that a parser read: under which key, how it is spelled, and in which form."""

    key: str
    value: str
    strategy: Strategy


def value_probabilities(
    choice: Choice, stated: Stated, allowed: Sequence[str]
) -> dict[str, float] | None:
    """Return the probability of each allowed value, summing to 1, at the token of the stated one.

    The likeliest tokens there are stripped of white space, quotes and brackets and taken for the
    allowed value that they spell, or of which they can only be the beginning (`t` of `tie`).

    None where there are no log-probabilities, where the value is not one token, where a token may
    be one value or begin another, or where allowed values have less than `MIN_MASS` together.
    """
    start = _position(choice.text, stated)
    if start is None or not choice.tokens:
        return None
    token = _token_at(choice.tokens, choice.text, start, start + len(stated.value))
    masses = None if token is None else _masses(token)
    if masses is None or _is_ambiguous(masses, allowed):
        return None
    found = {value: _mass(masses, value, allowed) for value in allowed}
    total = sum(found.values())
    return {value: mass / total for value, mass in found.items()} if total >= MIN_MASS else None


def expected_score(probabilities: Mapping[str, float]) -> float:
    """Return the mean of the scores under their probabilities."""
    return math.fsum(int(score) * share for score, share in probabilities.items())


def preference(probabilities: Mapping[str, float]) -> float:
    """Return the probability that the answer shown first is preferred, a tie counted half."""
    return probabilities["1"] + probabilities.get("tie", 0.0) / 2


def likeliest(probabilities: Mapping[str, float], drawn: str) -> str:
    """Return the likeliest value; among equals the one that was drawn."""
    return max(probabilities, key=lambda value: (probabilities[value], value == drawn))


def _position(text: str, stated: Stated) -> int | None:
    """Return where the last statement of the value begins."""
    key, value = re.escape(stated.key), re.escape(stated.value)
    if stated.strategy == "json":  # inside a string its closing quote would be escaped
        pattern = rf'"{key}"\s*:(?:[^"\w]*")?[^"\w]*({value})(?!\w)'
    else:
        pattern = rf"^[ \t*_`\[\]()#]*{key}[ \t*_`\[\]()#]*[:\uff1a][^\n]*?(?<!\w)({value})(?!\w)"
    found = [match.start(1) for match in re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE)]
    return found[-1] if found else None


def _token_at(
    tokens: Sequence[TokenLogprob], text: str, start: int, end: int
) -> TokenLogprob | None:
    """Return the one token that covers a span of the text, None if there is none.

    Tokens that hold a part of a character, or an end mark, do not join to the text. So they have to
    agree with it from its beginning up to the span, or from the span to its end.
    """
    joined = "".join(token.token for token in tokens)
    for shift in (0, len(text) - len(joined)):
        begin = shift
        for token in tokens:
            stop = begin + len(token.token)
            if begin <= start and end <= stop:
                before = joined[: stop - shift] == text[:stop] and shift == 0
                if before or joined[begin - shift :] == text[begin:]:
                    return token
                break
            begin = stop
    return None


def _masses(token: TokenLogprob) -> dict[str, float] | None:
    """Return the probability of each spelling, None where the numbers cannot be probabilities."""
    spellings = dict(token.top)
    spellings.setdefault(token.token, token.logprob)
    masses: dict[str, float] = {}
    for spelling, logprob in spellings.items():
        if math.isnan(logprob) or logprob > MAX_LOGPROB:
            return None
        bare = spelling.strip(_AROUND).casefold()
        masses[bare] = masses.get(bare, 0.0) + math.exp(logprob)
    return masses


def _longer(begun: str, allowed: Iterable[str]) -> list[str]:
    return [value for value in allowed if value != begun and value.startswith(begun)]


def _is_ambiguous(masses: Mapping[str, float], allowed: Sequence[str]) -> bool:
    """Return whether a token that spells a value, or part of several, may be another's beginning."""
    for spelling, mass in masses.items():
        longer = _longer(spelling, allowed) if spelling else []
        could_end = spelling in allowed or len(longer) > 1
        if mass > AMBIGUOUS_MASS and could_end and longer and not masses.keys() & set(longer):
            return True
    return False


def _mass(masses: Mapping[str, float], value: str, allowed: Sequence[str]) -> float:
    begun = [
        mass
        for spelling, mass in masses.items()
        if spelling and spelling not in allowed and _longer(spelling, allowed) == [value]
    ]
    return masses.get(value, 0.0) + math.fsum(begun)
