"""How long texts are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from storage.input_error import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Counts the `unit`s ("tokens" or "words") of texts.

    `special_tokens` are the texts that the tokenizer takes for its special tokens.
    """

    unit: str
    special_tokens: frozenset[str]
    lengths: Callable[[Sequence[str]], Iterable[int]]

    def count(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the length of each text; special tokens are not added."""
        return np.fromiter(self.lengths(texts), np.int64, len(texts))


def open_token_counter(tokenizer: str) -> TokenCounter:
    """Return the counter of a tokenizer: a local directory or a Hugging Face id.

    An empty name counts what white space parts.

    Raises:
        InputError: the tokenizer cannot be loaded.
    """
    if not tokenizer:
        return TokenCounter(
            unit="words",
            special_tokens=frozenset(),
            lengths=lambda texts: (len(text.split()) for text in texts),
        )
    loaded = _load(tokenizer)
    added = loaded.added_tokens_decoder.values()
    special = {str(token) for token in added if token.special} | set(loaded.all_special_tokens)

    def lengths(texts: Sequence[str]) -> Iterator[int]:
        for start in range(0, len(texts), _BATCH):
            ids = loaded(
                list(texts[start : start + _BATCH]),
                add_special_tokens=False,
                return_attention_mask=False,
                verbose=False,  # a text longer than the model's context is no surprise here
            )["input_ids"]
            yield from map(len, ids)

    return TokenCounter(unit="tokens", special_tokens=frozenset(special), lengths=lengths)


def _load(tokenizer: str) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(tokenizer, trust_remote_code=False)
    except (OSError, ValueError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"tokenizer {tokenizer!r} cannot be loaded: {first_line} Give a directory that holds "
            "tokenizer.json, or an id that the Hugging Face hub has (with HF_HUB_OFFLINE=1 only "
            "what is already in the cache), or leave it empty to count words"
        ) from error
