"""Texts as words, and runs of words as numbers."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
"""One 64-bit number a word, or a run of words; the same on every machine and in every run."""

_ASCII_WORD = bytes(
    code if code > 127 else ord(chr(code).lower()) if chr(code).isalnum() else ord(" ")  # noqa: PLR2004
    for code in range(256)
)
_OTHER_SIGNS = re.compile(r"[^\x00-\x7f\w]+")
_SPREAD, _JOIN = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_HALF = np.uint64(32)
_MAX_KNOWN = 400_000


def words_of(text: str) -> list[bytes]:
    """Return the runs of letters and digits of a text in UTF-8, in order.

    Unicode compatibility forms are unified (NFKC) and case is folded. Text in a script that does
    not part words is one word up to the next punctuation mark.
    """
    if not text.isascii():
        text = _OTHER_SIGNS.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return text.encode(errors="replace").translate(_ASCII_WORD).split()


class WordHashes(dict[bytes, int]):
    """The hash of each word that was asked for; Python's own differs from process to process."""

    def __missing__(self, word: bytes) -> int:
        """Return the first 8 bytes of the word's BLAKE2b, and remember them."""
        number = self[word] = int.from_bytes(hashlib.blake2b(word, digest_size=8).digest())
        return number

    def of(self, words: Sequence[bytes]) -> Hashes:
        """Return the hash of each word."""
        if len(self) > _MAX_KNOWN:  # a stream may bring new words for ever
            self.clear()
        return np.fromiter(map(self.__getitem__, words), np.uint64, len(words))


def run_hashes(words: Hashes, length: int) -> Hashes:
    """Return the hash of every run of `length` >= 1 words, by its start; none if there are fewer.

    Runs grow by joining neighbours, from the leading binary digit of `length` on, so that a run of
    13 words costs five steps and not twelve.
    """
    runs, width = words, 1
    for digit in f"{length:b}"[1:]:
        runs = join_hashes(runs[:-width], runs[width:])
        width *= 2
        if digit == "1":
            runs = join_hashes(runs[:-1], words[width:])
            width += 1
    return runs


def join_hashes(left: Hashes, right: Hashes) -> Hashes:
    """Return one hash for each pair; the order of the two counts."""
    joined = left * _SPREAD
    joined += right
    joined ^= joined >> _HALF
    joined *= _JOIN
    joined ^= joined >> _HALF
    return joined


def starts_of(lengths: Iterable[int]) -> NDArray[np.int64]:
    """Return where each of some adjacent texts starts, and where the last one ends."""
    return np.cumsum([0, *lengths], dtype=np.int64)
