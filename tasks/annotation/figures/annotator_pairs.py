"""How far every two people agree."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from tasks.annotation.figures.coded_votes import CodedVotes, figure_by_prompt
from tasks.annotation.figures.queue_figures import AnnotatorPair
from tasks.judging.kappa import cohen_kappa

MOST_PAIRS = 28
"""All pairs of eight people."""


def annotator_pairs(votes: CodedVotes) -> tuple[AnnotatorPair, ...]:
    """Return Cohen's kappa of every two people with a common item, most common items first.

    At most 28 pairs: those with the most common items. The categories are those that one of the two
    used on a common item.
    """
    by_annotator = np.argsort(votes.annotator, kind="stable")
    ends = np.searchsorted(votes.annotator[by_annotator], range(len(votes.names) + 1))
    labels_of = [by_annotator[start:end] for start, end in pairwise(ends)]
    pairs = []
    for first, second in _most_common(votes):
        _, of_first, of_second = np.intersect1d(
            votes.item[labels_of[first]],
            votes.item[labels_of[second]],
            assume_unique=True,
            return_indices=True,
        )
        pairs.append(_pair(votes, labels_of[first][of_first], labels_of[second][of_second]))
    return tuple(pairs)


def _most_common(votes: CodedVotes) -> Iterator[tuple[int, int]]:
    """Yield the pairs of people with the most common items; among equals in the order of names."""
    from scipy import sparse

    if not len(votes.item):
        return
    labelled = sparse.csr_array((np.ones(len(votes.item)), (votes.item, votes.annotator)))
    common = sparse.triu(labelled.T @ labelled, k=1).tocoo()
    order = np.lexsort((common.col, common.row, -common.data))[:MOST_PAIRS]
    yield from zip(common.row[order].tolist(), common.col[order].tolist(), strict=True)


def _pair(votes: CodedVotes, of_first: np.ndarray, of_second: np.ndarray) -> AnnotatorPair:
    """Return kappa, given the labels of two people about the same items in the same order."""
    said = np.stack([votes.category[of_first], votes.category[of_second]])
    used, codes = np.unique(said, return_inverse=True)
    first, second = codes.reshape(said.shape)
    cells = np.eye(len(used) ** 2)[first * len(used) + second]
    return AnnotatorPair(
        first=votes.names[votes.annotator[of_first[0]]],
        second=votes.names[votes.annotator[of_second[0]]],
        kappa=figure_by_prompt(
            votes.prompt[of_first].tolist(),
            cells,
            cohen_kappa,
            count=int((first == second).sum()),
            num=len(first),
        ),
    )
