"""Which rows a later step reads, said beforehand."""

import torch
from accelerate.data_loader import SeedableRandomSampler
from hypothesis import given
from hypothesis import strategies as st

from tasks.training.d2o.row_order import RowOrder


def epochs(order, count):
    return [list(order) for _ in range(count)]


def test_the_order_is_that_of_accelerates_seedable_sampler():
    """So a run without fresh samples reads what any other trainer reads with this seed."""
    theirs = SeedableRandomSampler(range(23), data_seed=5)
    theirs.generator = torch.Generator()
    assert epochs(RowOrder(23, rows_per_step=4, seed=5), 3) == epochs(theirs, 3)


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 9), st.integers(0, 12))
def test_the_rows_of_steps_are_those_that_the_epochs_yield(num_rows, per_step, first, count):
    order = RowOrder(num_rows, rows_per_step=per_step, seed=3)
    steps = []
    for epoch in epochs(RowOrder(num_rows, rows_per_step=per_step, seed=3), 22):
        steps += [epoch[start : start + per_step] for start in range(0, num_rows, per_step)]
    wanted = dict.fromkeys(row for step in steps[first : first + count] for row in step)
    assert order.rows_of(first, first + count) == list(wanted)


def test_an_epoch_that_was_set_is_the_next():
    order = RowOrder(7, rows_per_step=2, seed=1)
    first, second, third = epochs(order, 3)
    order.set_epoch(1)
    assert epochs(order, 2) == [second, third]
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second
    assert [order.epoch_of(step) for step in (0, 3, 4, 8)] == [0, 0, 1, 2]
