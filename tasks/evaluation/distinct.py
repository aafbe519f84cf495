"""How varied answers are."""

import itertools
import re
from collections.abc import Iterable

_WORD = re.compile(r"\w+(?:'\w+)*|[^\w\s]")


def distinct_2(texts: Iterable[str]) -> float | None:
    """Return distinct word pairs over all word pairs in `texts`, None where there is no pair.

    Words are lower-cased; a punctuation mark is a word; pairs do not reach over two texts. It is
    low both for an answer that repeats itself and for answers that repeat each other, and it falls
    with the number and length of texts, so compare it at equal numbers and look at the lengths.
    Source: Li et al. 2016 (arXiv 1510.03055, section 5.2), who divide by words instead of pairs.
    """
    pairs: list[tuple[str, str]] = []
    for text in texts:
        words = _WORD.findall(text.lower())
        pairs += itertools.pairwise(words)
    return len(set(pairs)) / len(pairs) if pairs else None
