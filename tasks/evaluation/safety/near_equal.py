"""Whether an answer says what a dispreferred one said."""

import itertools
import re
from collections.abc import Iterable

NEAR = 0.8
"""Share of common word pairs (Jaccard) from which on two texts are the same but for a few words."""
_WORD = re.compile(r"\w+(?:'\w+)*")


def repeats(text: str, others: Iterable[str]) -> bool:
    """Tell whether a text equals one of the others but for case, punctuation and a few words.

    Texts of one word are compared as they are. An empty text repeats nothing.
    """
    words = _words(text)
    return bool(words) and any(_near(words, _words(other)) for other in others)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _near(words: list[str], other: list[str]) -> bool:
    if words == other:
        return True
    mine, theirs = (set(itertools.pairwise(text)) for text in (words, other))
    union = mine | theirs
    return bool(union) and len(mine & theirs) / len(union) >= NEAR
