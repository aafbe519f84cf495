"""Signatures of texts, by which their similarity is estimated.

MinHash (Broder 1997) over runs of three words: two texts agree in each place of their signatures
with the probability that is their Jaccard similarity, so that the share of equal places estimates
it, with a standard error of at most sqrt(J (1 - J) / num_permutations): 0.035 at J = 0.8.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Self

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from tasks.curation.words import WordHashes, run_hashes, starts_of, words_of
from tasks.progress import Progress

MIN_WORDS = 10
"""Shorter texts share runs of words by chance."""
RUN_WORDS = 3
SEED = 1
Indices = NDArray[np.int64]
Signatures = NDArray[np.uint32]
_BATCH = 2_048


@dataclass(frozen=True, slots=True)
class SignedTexts:
    """The signatures of the texts that are long enough, and the index of the text of each."""

    signatures: Signatures
    owners: Indices
    num_texts: int

    @classmethod
    def of(cls, texts: Iterable[str], num_permutations: int, progress: Progress) -> Self:
        """Return signatures of `num_permutations` places; the texts are read once."""
        hashes, num_texts, remaining = WordHashes(), 0, iter(texts)
        signatures = [np.empty((0, num_permutations), np.uint32)]
        owners: list[int] = []
        while batch := [words_of(text) for text in islice(remaining, _BATCH)]:
            long = [index for index, words in enumerate(batch) if len(words) >= MIN_WORDS]
            owners += [num_texts + index for index in long]
            if long:
                signatures.append(_sign([batch[index] for index in long], hashes, num_permutations))
            num_texts += len(batch)
            progress(num_texts, 0, "texts compared")
        return cls(np.concatenate(signatures), np.array(owners, np.int64), num_texts)


def _sign(texts: Sequence[list[bytes]], hashes: WordHashes, num_permutations: int) -> Signatures:
    """Return the signature of each text's runs of words."""
    runs = run_hashes(hashes.of([*chain.from_iterable(texts)]), RUN_WORDS)
    inside = np.ones(len(runs), bool)
    ends = starts_of(map(len, texts))[1:-1]
    for back in range(1, RUN_WORDS):  # runs that would go on into the next text
        inside[ends - back] = False
    starts = starts_of(len(words) - RUN_WORDS + 1 for words in texts).astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        runs[inside], starts, num_permutations, SEED
    )
    return np.array(matrix.to_rows(), np.uint32)
