"""Which texts say nearly the same.

Pairs are looked for by bands of MinHash signatures (Leskovec, Rajaraman and Ullman, Mining of
Massive Datasets, section 3.4): only texts that agree in a whole band are compared.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from tasks.curation.minhash import Indices, Signatures, SignedTexts
from tasks.curation.words import Hashes, join_hashes
from tasks.progress import Progress, silent

BAND_RECALL = 0.99
"""Of the pairs whose similarity is the threshold at least this share is compared."""
_COMPARED_AT_ONCE = 2_048
_MAX_CROWD = 256


def near_duplicate_leaders(
    texts: Iterable[str],
    *,
    threshold: float,
    num_permutations: int = 128,
    progress: Progress = silent,
) -> Indices:
    """Return the index of the earliest text of the group that each text belongs to.

    A group is what a chain of pairs holds together whose estimated Jaccard similarity over runs of
    three words is at least `threshold`, above 0 and up to 1. A text with fewer than ten words, or
    without near duplicates, is its own group. In another order the same texts form the same groups.
    """
    signed = SignedTexts.of(texts, num_permutations, progress)
    leaders = np.arange(signed.num_texts)
    # Equal signatures, by a number of 64 bits, are one from here on: they need no comparison.
    whole = _band_keys(signed.signatures, 0, num_permutations)
    _, firsts, which = np.unique(whole, return_index=True, return_inverse=True)
    roots = _groups(signed.signatures[firsts], threshold)
    earliest = signed.owners[firsts]
    np.minimum.at(earliest, roots, earliest.copy())
    leaders[signed.owners] = earliest[roots[which]]
    return leaders


def _groups(signatures: Signatures, threshold: float) -> Indices:
    """Return the least index of the group that each of some different signatures is in."""
    num_places = signatures.shape[1]
    roots = np.arange(len(signatures))
    rows = rows_of_band(threshold, num_places)
    for start in range(0, num_places - rows + 1, rows):
        for left, right in _candidates(_band_keys(signatures, start, rows)):
            apart = np.flatnonzero(roots[left] != roots[right])
            for part in np.array_split(apart, len(apart) // _COMPARED_AT_ONCE + 1):
                equal = signatures[left[part]] == signatures[right[part]]
                alike = part[equal.sum(axis=1) >= threshold * num_places]
                roots = _linked(roots, left[alike], right[alike])
    return roots


def rows_of_band(threshold: float, num_places: int) -> int:
    """Return how many places of a signature form a band.

    As many as can be for `BAND_RECALL`: the more places must agree, the fewer pairs are compared.
    """
    for rows in range(num_places, 1, -1):
        if 1 - (1 - threshold**rows) ** (num_places // rows) >= BAND_RECALL:
            return rows
    return 1


def _band_keys(signatures: Signatures, start: int, rows: int) -> Hashes:
    """Return a number for the content of a band of each signature.

    Where more than `_MAX_CROWD` agree (texts made from one template) the places after the band
    count too, so that not all of them have to be compared with each other.
    """
    num_places = signatures.shape[1]
    keys = signatures[:, start].astype(np.uint64)
    for step in range(1, num_places):
        column = signatures[:, (start + step) % num_places].astype(np.uint64)
        if step < rows:
            keys = join_hashes(keys, column)
            continue
        _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
        crowded = counts[which] > _MAX_CROWD
        if not crowded.any():
            break
        keys[crowded] = join_hashes(keys[crowded], column[crowded])
    return keys


def _candidates(keys: Hashes) -> Iterator[tuple[Indices, Indices]]:
    """Yield all pairs with equal keys: neighbours in the order of the keys, then the next but one."""
    order = np.argsort(keys, kind="stable")
    ordered, left, distance = keys[order], np.arange(len(keys)), 0
    while len(left):
        distance += 1
        left = left[left + distance < len(keys)]
        left = left[ordered[left] == ordered[left + distance]]
        yield order[left], order[left + distance]


def _linked(roots: Indices, left: Indices, right: Indices) -> Indices:
    """Return the roots after the groups of each pair are made one."""
    while (roots[left] != roots[right]).any():
        ours, theirs = roots[left], roots[right]
        np.minimum.at(roots, np.maximum(ours, theirs), np.minimum(ours, theirs))
        while (roots[roots] != roots).any():
            roots = roots[roots]
    return roots
