"""A text as a prompt (its first words) and a continuation (the rest)."""

from dataclasses import dataclass

_ENDS = (".", "!", "?")
_CLOSING = "\"')]"


@dataclass(frozen=True, slots=True)
class PrefixedText:
    """A text in two parts; `rest` begins with the space between them."""

    prefix: str
    rest: str


def cut_prefix(words: list[str], num_words: int) -> PrefixedText:
    """Return the text of `words` as its first `num_words` words and the rest."""
    return PrefixedText(prefix=" ".join(words[:num_words]), rest=" " + " ".join(words[num_words:]))


def shorten(words: list[str], *, max_words: int, min_words: int) -> list[str]:
    """Return at most the first `max_words` words (0 keeps all), up to the end of a sentence.

    Where no sentence ends after at least `min_words` words, the cut is in the middle of one.
    """
    if not max_words or len(words) <= max_words:
        return words
    for end in range(max_words, min_words - 1, -1):
        if words[end - 1].rstrip(_CLOSING).endswith(_ENDS):
            return words[:end]
    return words[:max_words]
