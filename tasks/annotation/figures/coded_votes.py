"""Labels as numbers, for figures over many of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.annotation.comparison_item import BOTH_BAD, SIDES, TIE
from tasks.annotation.figures.said_about import SaidAbout
from tasks.judging.kappa import ClusteredFigure, Counts, Measure, clustered_figure, share

Codes = NDArray[np.int64]
CATEGORIES = (*SIDES, TIE, BOTH_BAD)
_CODES = {name: code for code, name in enumerate(CATEGORIES)}
SEED = 0
"""Of the intervals: the same labels have the same figures."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CodedVotes:
    """The labels that say something, in the order of the items; arrays of one length, from 0.

    `category` is what was said, as an index into `CATEGORIES`. `prompt` is that of each label,
    `prompt_of_item` that of each item.
    """

    names: tuple[str, ...]
    item: Codes
    annotator: Codes
    category: Codes
    prompt: Codes
    prompt_of_item: Codes

    @property
    def of_items(self) -> Counts:
        """How often each category was given to each item, shape (items, categories)."""
        num_items, num_categories = len(self.prompt_of_item), len(CATEGORIES)
        cells = self.item * num_categories + self.category
        counts = np.bincount(cells, minlength=num_items * num_categories)
        return counts.reshape(num_items, num_categories).astype(np.float64)


def coded_votes(said: Sequence[SaidAbout]) -> CodedVotes:
    """Return the labels that say something as numbers."""
    names = tuple(sorted({vote.annotator for row in said for vote in row.votes}))
    annotators = {name: number for number, name in enumerate(names)}
    prompts: dict[str, int] = {}
    prompt_of_item = [prompts.setdefault(row.item.prompt_id, len(prompts)) for row in said]
    item = [number for number, row in enumerate(said) for _ in row.votes]
    return CodedVotes(
        names=names,
        item=_codes(item),
        annotator=_codes(annotators[vote.annotator] for row in said for vote in row.votes),
        category=_codes(_CODES[vote.choice] for row in said for vote in row.votes),
        prompt=_codes(prompt_of_item)[_codes(item)],
        prompt_of_item=_codes(prompt_of_item),
    )


def share_by_prompt(prompts: Sequence[str | int], hits: Counts, cases: Counts) -> ClusteredFigure:
    """Return the share of cases that are hits, given how many each row has of both."""
    columns = np.column_stack([hits, cases]).astype(np.float64)
    return figure_by_prompt(prompts, columns, share, count=int(hits.sum()), num=int(cases.sum()))


def figure_by_prompt(
    prompts: Sequence[str | int], rows: Counts, measure: Measure, *, count: int, num: int
) -> ClusteredFigure:
    """Return a measure of the sum of `rows`, which belong to these prompts, with its interval."""
    numbers: dict[str | int, int] = {}
    prompt = _codes(numbers.setdefault(name, len(numbers)) for name in prompts)
    sums = [np.bincount(prompt, weights=row, minlength=len(numbers)) for row in rows.T]
    return clustered_figure(np.column_stack(sums), measure, count=count, num=num, seed=SEED)


def _codes(numbers: Iterable[int]) -> Codes:
    return np.array(list(numbers), dtype=np.int64)
