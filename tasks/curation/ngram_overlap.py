"""Which training texts share a run of words with an evaluation prompt.

Runs of 13 words are what Brown et al. 2020 (arXiv 2005.14165, appendix C) looked for; as there, a
run that stands in more than ten texts is a template and no overlap. Runs are compared by hash
first, and a hit word by word, so that no row is refused for a collision.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.curation.words import Hashes, WordHashes, run_hashes, starts_of, words_of

MAX_COMMON = 10
"""In how many texts of either side a run may stand, and still tell one from another."""
MIN_WHOLE_WORDS = 6
"""From how many words on a text that is shorter than a run is compared as a whole."""
OVERLAPS = pa.schema([("row", pa.int64()), ("evaluation_row", pa.int64()), ("ngram", pa.string())])
_BATCH = 512
_SIEVE_BITS = 24
Words = Sequence[list[bytes]]


def find_overlaps(
    training: pa.RecordBatchReader | pa.Table, evaluation: pa.Table, *, n: int = 13
) -> pa.Table:
    """Return one line for each training row that overlaps: row, evaluation_row, ngram.

    Both inputs have the columns `row` (int64, may repeat for a row with several texts) and `text`.
    A training text overlaps if it shares `n` words in a row with an evaluation text; one with fewer
    words overlaps only if it has at least six, and an evaluation text consists of the same words.
    Runs that more than `MAX_COMMON` training texts or evaluation texts have do not count. The first
    place in the row's texts is told, as lower-case words, with the first evaluation row that has
    it. The training texts are read once, a batch at a time; of the evaluation texts the hash of
    every run is held.
    """
    index = _EvaluationIndex(evaluation, n)
    hits: list[tuple[int, _Overlap]] = []
    for rows, texts in _read(training):
        overlaps = sorted(index.overlaps(texts), key=itemgetter(0))
        hits += [(rows[place], overlap) for place, overlap in overlaps]
    found: dict[int, _Overlap] = {}
    for row, overlap in hits:
        if not index.is_common(overlap):
            found.setdefault(row, overlap)
    told = found.values()
    return pa.table(
        [
            [*found],
            [overlap.evaluation_row for overlap in told],
            [overlap.ngram for overlap in told],
        ],
        schema=OVERLAPS,
    )


class _Overlap(NamedTuple):
    """A run of words, the first evaluation row that has it, and its place in the index (or -1)."""

    evaluation_row: int
    ngram: str
    run: int = -1


class _EvaluationIndex:
    """The runs of `n` words of the evaluation texts, and whole texts that are shorter.

    Most runs of a training text are in none: a sieve of one bit a hash, by its first 24 bits, lets
    few of them through to the search.
    """

    def __init__(self, evaluation: pa.Table, n: int) -> None:
        self._n = n
        self._hashes = WordHashes()
        self._rows: list[int] = []
        self._texts: pa.ChunkedArray = evaluation.column("text")
        self._whole: dict[tuple[bytes, ...], int] = {}
        runs, owners = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        for rows, texts in _read(evaluation):
            found = _runs(texts, self._hashes, n)
            order = np.lexsort((found.owners, found.hashes))
            its, of = found.hashes[order], found.owners[order]
            once = np.append(True, (its[1:] != its[:-1]) | (of[1:] != of[:-1]))[: len(its)]
            runs.append(its[once])
            owners.append(of[once] + len(self._rows))
            for row, words in zip(rows, texts, strict=True):
                if MIN_WHOLE_WORDS <= len(words) < n:
                    self._whole.setdefault(tuple(words), row)
            self._rows += rows
        distinct, firsts, counts = np.unique(
            np.concatenate(runs), return_index=True, return_counts=True
        )
        told_apart = counts <= MAX_COMMON
        self._runs = distinct[told_apart]
        self._owners = np.concatenate(owners)[firsts[told_apart]]
        self._num_texts = np.zeros(len(self._runs), np.int64)
        self._sieve = np.zeros(1 << _SIEVE_BITS, bool)
        self._sieve[_sieve_place(self._runs)] = True

    def is_common(self, overlap: _Overlap) -> bool:
        """Return whether more training texts have the run than tell anything."""
        return overlap.run >= 0 and bool(self._num_texts[overlap.run] > MAX_COMMON)

    def overlaps(self, texts: Words) -> Iterator[tuple[int, _Overlap]]:
        """Yield the overlaps of each text that may count, with the index of the text."""
        for place, words in enumerate(texts):
            row = self._whole.get(tuple(words)) if len(words) < self._n else None
            if row is not None:
                yield place, _Overlap(row, _as_text(words))
        for place, start, run in self._hits(_runs(texts, self._hashes, self._n)):
            words = texts[place][start : start + self._n]
            owner = self._owners[run]
            if _has_run(words_of(self._texts[owner].as_py()), words):
                yield place, _Overlap(self._rows[owner], _as_text(words), run)

    def _hits(self, found: "_Runs") -> Iterator[tuple[int, int, int]]:
        """Yield the text, the place in it and the number of known runs that are not common yet."""
        passed = np.flatnonzero(self._sieve[_sieve_place(found.hashes)])
        sought = found.hashes[passed]
        near = np.searchsorted(self._runs, sought)
        near[near == len(self._runs)] = 0
        known = self._runs[near] == sought if len(self._runs) else np.zeros(len(near), bool)
        hits, runs = passed[known], near[known]
        in_text = np.unique(np.stack([runs, found.owners[hits]]), axis=1)
        np.add.at(self._num_texts, in_text[0], 1)
        telling = self._num_texts[runs] <= MAX_COMMON
        hits, runs = hits[telling], runs[telling]
        yield from zip(
            found.owners[hits].tolist(), found.starts[hits].tolist(), runs.tolist(), strict=True
        )


class _Runs(NamedTuple):
    """The runs of some texts: hash, which text it is of, and at which word of it it starts."""

    hashes: Hashes
    owners: NDArray[np.int64]
    starts: NDArray[np.int64]


def _runs(texts: Words, hashes: WordHashes, n: int) -> _Runs:
    bounds = starts_of(map(len, texts))
    runs = run_hashes(hashes.of([*chain.from_iterable(texts)]), n)
    owners = np.repeat(np.arange(len(texts)), np.diff(bounds))[: len(runs)]
    starts = np.arange(len(runs)) - bounds[owners]
    inside = np.arange(n, len(runs) + n) <= bounds[owners + 1]
    return _Runs(runs[inside], owners[inside], starts[inside])


def _read(rows: pa.RecordBatchReader | pa.Table) -> Iterator[tuple[list[int], Words]]:
    """Yield row numbers and words of some hundred texts at a time, however large the batches are."""
    for batch in rows if isinstance(rows, pa.RecordBatchReader) else rows.to_batches():
        for start in range(0, batch.num_rows, _BATCH):
            part = batch.slice(start, _BATCH)
            texts = [words_of(text) for text in part.column("text").to_pylist()]
            yield part.column("row").to_pylist(), texts


def _sieve_place(hashes: Hashes) -> Hashes:
    return hashes >> np.uint64(64 - _SIEVE_BITS)


def _has_run(words: list[bytes], run: list[bytes]) -> bool:
    return any(words[at : at + len(run)] == run for at in range(len(words) - len(run) + 1))


def _as_text(words: Sequence[bytes]) -> str:
    return b" ".join(words).decode()
