import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.training.launch.rank_share import WEIGHT, RankShare
from tasks.training.launch.ranks import (
    from_first_rank,
    is_first_rank,
    mean_over_ranks,
    num_ranks,
    on_any_rank,
    rank,
)


def tensors(rows):
    return {"rows": torch.tensor(rows, dtype=torch.float64)}


def shares(rows, num_ranks):
    return [RankShare(tensors, rank, num_ranks)(rows) for rank in range(num_ranks)]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=40), st.integers(1, 9))
def test_the_mean_of_weighted_means_is_the_mean_of_all_rows(rows, num_ranks):
    parts = shares(rows, num_ranks)
    mean = sum(float(part["rows"].mean()) * part[WEIGHT] for part in parts) / num_ranks
    assert mean == pytest.approx(sum(rows) / len(rows), abs=1e-9)


@given(st.integers(1, 40), st.integers(1, 9))
def test_every_row_is_trained_on_once_in_order(num_rows, num_ranks):
    own = [part for part in shares(list(range(num_rows)), num_ranks) if part[WEIGHT]]
    assert [row for part in own for row in part["rows"].tolist()] == list(range(num_rows))
    sizes = [len(part["rows"]) for part in own]
    assert max(sizes) - min(sizes) <= 1


def test_three_rows_for_two_processes_worked_by_hand():
    """One row and two: 1 * 2 / 3 and 2 * 2 / 3."""
    first, second = shares([5, 7, 8], 2)
    assert (first["rows"].tolist(), second["rows"].tolist()) == ([5], [7, 8])
    assert (first[WEIGHT], second[WEIGHT]) == (pytest.approx(2 / 3), pytest.approx(4 / 3))


def test_a_process_without_a_row_passes_one_through_and_learns_nothing_of_it():
    def labelled(rows):
        return {"input_ids": torch.tensor([rows]), "labels": torch.tensor([rows])}

    first, second = (RankShare(labelled, rank, 2)([6]) for rank in (0, 1))
    assert (first[WEIGHT], second[WEIGHT]) == (0.0, 2.0)
    assert first["input_ids"].tolist() == second["input_ids"].tolist() == [[6]]
    assert (first["labels"].tolist(), second["labels"].tolist()) == ([[-100]], [[6]])


def test_a_process_alone_agrees_with_itself(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (rank(), num_ranks(), is_first_rank()) == (0, 1, True)
    assert from_first_rank(3.0) == 3.0
    assert (on_any_rank(flag=True), on_any_rank(flag=False)) == (True, False)
    assert mean_over_ranks({"a": 2.0}) == {"a": 2.0}
