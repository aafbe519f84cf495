"""A text as a prompt (its first words or tokens) and a continuation (the rest)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from storage.input_error import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_ENDS = (".", "!", "?")
_CLOSING = "\"')]"
_SPACE = re.compile(" ")
_WORDS_PER_TOKEN = 4
"""No common tokenizer has tokens over more words, so only the start of a text is tokenized."""

PrefixEnds = Callable[[str], tuple[int, ...]]
"""Where the first piece of a text ends, the first two, and so on, as increasing character
positions; never the whole text, so that something is left to continue with."""


@dataclass(frozen=True, slots=True)
class PrefixedText:
    """A text in two parts; `rest` begins with the space between them."""

    prefix: str
    rest: str


def cut_prefix(words: list[str], num_words: int) -> PrefixedText:
    """Return the text of `words` as its first `num_words` words and the rest."""
    return PrefixedText(prefix=" ".join(words[:num_words]), rest=" " + " ".join(words[num_words:]))


def word_ends(max_words: int) -> PrefixEnds:
    """Return where at most the first `max_words` words of a text with single spaces end."""

    def ends(text: str) -> tuple[int, ...]:
        return tuple([space.start() for space in islice(_SPACE.finditer(text), max_words)])

    return ends


def token_ends(tokenizer: str, max_tokens: int) -> PrefixEnds:
    """Return where at most the first `max_tokens` tokens of a text end.

    `tokenizer` is a hub id or a directory. Tokens that end within the same character count as one,
    because a text can only be cut between characters.

    Raises:
        InputError: the tokenizer cannot be loaded, or does not know where its tokens stand.
    """
    loaded = _load_tokenizer(tokenizer)
    num_words = _WORDS_PER_TOKEN * max_tokens
    words = word_ends(num_words)

    def ends(text: str) -> tuple[int, ...]:
        spaces = words(text)
        start = text[: spaces[-1]] if len(spaces) == num_words else text
        offsets = loaded.encode(start, add_special_tokens=False).offsets
        distinct = dict.fromkeys(end for _, end in offsets)
        inside = (end for end in distinct if 0 < end < len(text))
        return tuple(islice(inside, max_tokens))

    return ends


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


def _load_tokenizer(name: str) -> "Tokenizer":
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"prefix_tokenizer {name!r} cannot be loaded ({' '.join(str(error).split())}); name a "
            "directory with tokenizer files or a model on the hub such as gpt2-large, or leave it "
            "empty to count words"
        ) from error
    if not loaded.is_fast:
        raise InputError(
            f"prefix_tokenizer {name!r} has no fast version, which says where its tokens stand in "
            "the text; name another one, or leave it empty to count words"
        )
    return loaded.backend_tokenizer
