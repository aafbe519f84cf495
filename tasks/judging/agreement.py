"""How far a judge can be trusted: does order or length sway it, and do people agree with it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tasks.judging.judged_comparison import JudgedComparison, Side
from tasks.judging.kappa import (
    ClusteredFigure,
    Counts,
    Measure,
    clustered_figure,
    cohen_kappa,
    krippendorff_alpha,
    pairable_counts,
    share,
)

Codes = NDArray[np.int64]
Cases = NDArray[np.bool_] | Counts
CATEGORIES: tuple[Side, ...] = ("a", "b", "tie")
_A, _B, _TIE, _MISSING = range(4)
_CODES: dict[Side | None, int] = {"a": _A, "b": _B, "tie": _TIE, None: _MISSING}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeAgreement:
    """What is known about one judge; each figure says of how many cases it speaks.

    A comparison has two verdicts, one for each order. Over single verdicts: `first_position_rate`
    is the share of the decisive ones that went to the answer shown first (unbiased: 0.5),
    `tie_share` and `unparsable_share` are shares of all, a reply that never came included in the
    latter. Over comparisons: `flip_rate` is the share of those with two decisive verdicts that name
    different answers, `decided_share` that of all in which both orders name the same answer,
    `longer_wins_rate` that of the decided ones with unequal known lengths in which the longer
    answer won, and `accuracy` that of the decided ones with a human label which equals it; a tie
    for people is then a miss.

    `kappa` (Cohen) and `alpha` (Krippendorff, nominal) compare human labels with the judge's: a or
    b where both orders agree on it, missing where a reply could not be read, otherwise a tie.
    `confusion` counts them, a row for each label of the judge, a column for each of people, in the
    order a, b, tie.
    """

    judge: str
    num_comparisons: int
    num_prompts: int
    first_position_rate: ClusteredFigure
    flip_rate: ClusteredFigure
    longer_wins_rate: ClusteredFigure
    tie_share: ClusteredFigure
    unparsable_share: ClusteredFigure
    decided_share: ClusteredFigure
    accuracy: ClusteredFigure
    kappa: ClusteredFigure
    alpha: ClusteredFigure
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class _Coded:
    """The comparisons of one judge as numbers; `prompt` counts from 0 to `num_prompts` - 1."""

    first: Codes
    second: Codes
    label: Codes
    longer: Codes
    prompt: Codes
    num_prompts: int
    seed: int

    @property
    def said(self) -> Codes:
        """The judge's label of each comparison."""
        unread = (self.first == _MISSING) | (self.second == _MISSING)
        joint = np.where(self.first == self.second, self.first, _TIE)
        return np.where(unread, _MISSING, joint)

    def rate(self, hits: Cases, cases: Cases) -> ClusteredFigure:
        """Return the share of cases that are hits, given how many each comparison has of both."""
        return self.figure([hits, cases], share, hits, cases)

    def figure(
        self, columns: Iterable[Cases], measure: Measure, counted: Cases, cases: Cases
    ) -> ClusteredFigure:
        """Return a measure of the sums over prompts of what each comparison adds to a column."""
        sums = [
            np.bincount(self.prompt, weights=column, minlength=self.num_prompts)
            for column in columns
        ]
        return clustered_figure(
            np.column_stack(sums),
            measure,
            count=int(counted.sum()),
            num=int(cases.sum()),
            seed=self.seed,
        )


def agreement(comparisons: Iterable[JudgedComparison], *, seed: int = 0) -> list[JudgeAgreement]:
    """Return how far each judge can be trusted, by name; the seed is that of the intervals."""
    by_judge: dict[str, list[JudgedComparison]] = defaultdict(list)
    for comparison in comparisons:
        by_judge[comparison.judge].append(comparison)
    return [_of_judge(judge, rows, seed) for judge, rows in sorted(by_judge.items())]


def _of_judge(judge: str, rows: Sequence[JudgedComparison], seed: int) -> JudgeAgreement:
    coded = _coded(rows, seed)
    first, second, said = coded.first, coded.second, coded.said
    every, decided, decisive = np.ones(len(rows)), said < _TIE, (first < _TIE) & (second < _TIE)
    with_longer, with_label = decided & (coded.longer < _TIE), decided & (coded.label < _MISSING)
    return JudgeAgreement(
        judge=judge,
        num_comparisons=len(rows),
        num_prompts=coded.num_prompts,
        first_position_rate=coded.rate(
            _both(first == _A, second == _B), _both(first < _TIE, second < _TIE)
        ),
        flip_rate=coded.rate(decisive & (first != second), decisive),
        longer_wins_rate=coded.rate(with_longer & (said == coded.longer), with_longer),
        tie_share=coded.rate(_both(first == _TIE, second == _TIE), 2 * every),
        unparsable_share=coded.rate(_both(first == _MISSING, second == _MISSING), 2 * every),
        decided_share=coded.rate(decided, every),
        accuracy=coded.rate(with_label & (said == coded.label), with_label),
        kappa=_kappa(coded),
        alpha=_alpha(coded),
        confusion=_confusion(coded),
    )


def _coded(rows: Sequence[JudgedComparison], seed: int) -> _Coded:
    numbers: dict[str, int] = {}
    prompt = [numbers.setdefault(row.prompt_id, len(numbers)) for row in rows]
    return _Coded(
        first=np.array([_CODES[row.first] for row in rows]),
        second=np.array([_CODES[row.second] for row in rows]),
        label=np.array([_CODES[row.label] for row in rows]),
        longer=np.array([_CODES[_longer(row)] for row in rows]),
        prompt=np.array(prompt),
        num_prompts=len(numbers),
        seed=seed,
    )


def _longer(row: JudgedComparison) -> Side | None:
    """Return the longer answer, `tie` for equal lengths, None where one is unknown."""
    if row.length_a is None or row.length_b is None:
        return None
    if row.length_a == row.length_b:
        return "tie"
    return "a" if row.length_a > row.length_b else "b"


def _kappa(coded: _Coded) -> ClusteredFigure:
    cells = _cells(coded)
    pairs = np.sum(cells, axis=0)
    return coded.figure(cells, cohen_kappa, pairs * (coded.said == coded.label), pairs)


def _alpha(coded: _Coded) -> ClusteredFigure:
    given = [_both(coded.said == code, coded.label == code) for code in range(_MISSING)]
    pairs = np.sum(_cells(coded), axis=0)
    columns = pairable_counts(np.column_stack(given)).T
    return coded.figure(columns, krippendorff_alpha, pairs * (coded.said == coded.label), pairs)


def _cells(coded: _Coded) -> list[Cases]:
    """Return which comparisons fall into each cell of the confusion matrix, row after row."""
    cells = product(range(_MISSING), repeat=2)
    return [(coded.said == row) & (coded.label == column) for row, column in cells]


def _confusion(coded: _Coded) -> tuple[tuple[int, ...], ...]:
    counts = [int(cell.sum()) for cell in _cells(coded)]
    side = len(CATEGORIES)
    return tuple(tuple(counts[start : start + side]) for start in range(0, len(counts), side))


def _both(first: Cases, second: Cases) -> Counts:
    """Return in how many of two places something holds."""
    return first.astype(np.float64) + second.astype(np.float64)
