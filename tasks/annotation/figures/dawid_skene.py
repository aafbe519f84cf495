"""How reliable each annotator is, and what is true, from what they say alone (Dawid-Skene).

Dawid & Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm",
Applied Statistics 28(1), 20-28. Each annotator has a confusion matrix, the probability of what they
say given what is true; EM alternates between these matrices with the shares of the categories
(equations 2.3 and 2.4) and the probabilities of what is true of each case (equation 2.5). It starts
from the share of a case's votes that each category has (equation 3.1).

Two deviations. The names of two answers say nothing about them: `swapped` maps each category to the
one that it is once the answers change names, and a matrix has the same entry for (true, said) as for
(swapped true, swapped said), the shares of swapped categories are the same. So the result does not
depend on which answer is called a. And to what each annotator says of what is true `smoothing` votes
are added that are spread as those of all annotators together (the mean under a Dirichlet prior around
the average annotator): one who has labelled little is taken for an average one, where maximum
likelihood makes them infallible or always wrong. With 0 it is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Numbers = NDArray[np.float64]
SMOOTHING = 4.0
TOLERANCE = 1e-6
MOST_ROUNDS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Who said which category of which case; three arrays of one length that count from 0.

    Every case has a vote, and every annotator gave one.
    """

    case: Codes
    annotator: Codes
    category: Codes


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Estimated:
    """What Dawid-Skene finds.

    `probabilities` are those of each category of each case, shape (cases, categories), `shares`
    those of each category before anything was said. `confusion` has the probability of what each
    annotator says given what is true, shape (annotators, true, said). `num_rounds` of EM were made.
    """

    probabilities: Numbers
    shares: Numbers
    confusion: Numbers
    num_rounds: int


def dawid_skene(votes: Votes, *, swapped: Sequence[int], smoothing: float = SMOOTHING) -> Estimated:
    """Return what is true and who is reliable.

    The rounds end when no probability changes by more than 1e-6, or after 200.
    """
    said, kind = _said(votes, len(swapped)), _kinds(votes, len(swapped))
    _, examples, sizes = np.unique(kind, return_index=True, return_counts=True)
    said, names = said[examples], np.array(swapped)
    probabilities = _as_shares(said @ np.tile(np.eye(len(swapped)), (_num(votes.annotator), 1)))
    num_rounds, change = 0, np.inf
    while change > TOLERANCE and num_rounds < MOST_ROUNDS:
        before = probabilities
        shares, confusion = _annotators(said, before * sizes[:, None], names, smoothing)
        probabilities = _cases(said, shares, confusion)
        change = float(np.abs(probabilities - before).max())
        num_rounds += 1
    return Estimated(
        probabilities=probabilities[kind], shares=shares, confusion=confusion, num_rounds=num_rounds
    )


def _said(votes: Votes, num_categories: int) -> Any:
    """Return how often who said what of each case, shape (cases, annotators * categories)."""
    from scipy import sparse

    columns = votes.annotator * num_categories + votes.category
    shape = (_num(votes.case), _num(votes.annotator) * num_categories)
    return sparse.csr_array((np.ones(len(columns)), (votes.case, columns)), shape=shape)


def _kinds(votes: Votes, num_categories: int) -> Codes:
    """Return a number for each case, the same for cases of which the same people say the same.

    What is true of them is equally probable, so it is computed once for all of a kind.
    """
    columns = votes.annotator * num_categories + votes.category
    columns = columns[np.lexsort((columns, votes.case))]
    sizes = np.bincount(votes.case)
    starts = np.cumsum(sizes) - sizes
    kinds = np.empty(len(sizes), dtype=np.int64)
    num_kinds = 0
    for size in np.unique(sizes):
        cases = np.flatnonzero(sizes == size)
        rows = columns[starts[cases][:, None] + np.arange(size)]
        found, kind = np.unique(rows, axis=0, return_inverse=True)
        kinds[cases] = num_kinds + kind.ravel()
        num_kinds += len(found)
    return kinds


def _annotators(
    said: Any, weights: Numbers, swapped: Codes, smoothing: float
) -> tuple[Numbers, Numbers]:
    """Return the shares of the categories and the confusion matrices: the M step.

    `weights` has the probabilities of a kind of cases times how many there are.
    """
    num_categories = weights.shape[1]
    shares = _as_shares(weights.sum(axis=0))
    by_said = (said.T @ weights).reshape(-1, num_categories, num_categories)
    counts = by_said.transpose(0, 2, 1)
    counts = (counts + counts[:, swapped][:, :, swapped]) / 2
    average = _as_shares(counts.sum(axis=0))
    return (shares + shares[swapped]) / 2, _as_shares(counts + smoothing * average)


def _cases(said: Any, shares: Numbers, confusion: Numbers) -> Numbers:
    """Return the probabilities of what is true of each case: the E step."""
    with np.errstate(divide="ignore"):  # log 0: what cannot be
        of_said = np.log(confusion).transpose(0, 2, 1).reshape(-1, len(shares))
        logs = np.log(shares) + said @ of_said
    return _as_shares(np.exp(logs - logs.max(axis=1, keepdims=True)))


def _as_shares(counts: Numbers) -> Numbers:
    """Return what sums to 1 over the last axis, 0 where there is nothing."""
    sums = counts.sum(axis=-1, keepdims=True)
    shares: Numbers = np.divide(counts, sums, out=np.zeros_like(counts), where=sums > 0)
    return shares


def _num(codes: Codes) -> int:
    return int(codes.max()) + 1
