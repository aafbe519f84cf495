"""In which order training reads its rows, known beforehand."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler
from typing_extensions import override


class RowOrder(Sampler[int]):
    """All rows in a shuffled order, another one in each epoch, made from the seed.

    The order is that of accelerate's seedable sampler, so training reads what it would read
    without this class; that one cannot say what a later step will read. `rows_per_step` counts
    the rows of an optimizer step over all its batches and all processes; the last step of an epoch
    may have fewer.
    """

    def __init__(self, num_rows: int, *, rows_per_step: int, seed: int) -> None:
        self._num_rows = num_rows
        self._rows_per_step = rows_per_step
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._num_rows

    @override
    def __iter__(self) -> Iterator[int]:
        """Yield the rows of the epoch that was set, and set the next."""
        epoch = self._epoch
        self._epoch += 1
        yield from self._order(epoch)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch is read next."""
        self._epoch = epoch

    def epoch_of(self, step: int) -> int:
        """Return the epoch in which optimizer step `step` lies, both counted from 0."""
        return step // self._steps_per_epoch

    def rows_of(self, first: int, end: int) -> list[int]:
        """Return the rows that the steps from `first` to before `end` read, each once."""
        rows: dict[int, None] = {}
        orders: dict[int, list[int]] = {}
        for step in range(first, end):
            epoch, place = divmod(step, self._steps_per_epoch)
            order = orders.setdefault(epoch, [])
            order[:] = order or self._order(epoch)
            start = place * self._rows_per_step
            rows |= dict.fromkeys(order[start : start + self._rows_per_step])
        return list(rows)

    @property
    def _steps_per_epoch(self) -> int:
        return -(-self._num_rows // self._rows_per_step)

    def _order(self, epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed(self._seed + epoch)
        return torch.randperm(self._num_rows, generator=generator).tolist()
