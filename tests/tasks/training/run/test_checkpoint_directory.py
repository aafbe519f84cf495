import logging

import pytest
import torch

from tasks.training.run.checkpoint_directory import (
    checkpoint_path,
    discard,
    keep_only,
    mark_whole,
    newest_whole,
)
from tasks.training.run.resumable import read_states, resumable, write_states

MINE = {"params": "a", "num_rows": 3}


def write(directory, step, identity=None):
    checkpoint = checkpoint_path(directory, step)
    (checkpoint / "inner").mkdir(parents=True)
    (checkpoint / "weights").write_bytes(b"123")
    (checkpoint / "inner" / "state").write_bytes(b"45")
    if identity is not None:
        mark_whole(checkpoint, identity)
    return checkpoint


def test_the_newest_whole_checkpoint_is_that_of_the_latest_step(tmp_path):
    """10 comes after 9, and not between 1 and 2."""
    write(tmp_path, 9, MINE)
    ten = write(tmp_path, 10, MINE)
    write(tmp_path, 2, MINE)
    assert newest_whole(tmp_path, MINE) == ten


def test_without_a_checkpoint_there_is_nothing_to_go_on_from(tmp_path):
    (tmp_path / "checkpoint-draft").mkdir()
    (tmp_path / "README.md").touch()
    assert newest_whole(tmp_path, MINE) is None
    assert newest_whole(tmp_path / "absent", MINE) is None


def unmarked(checkpoint):
    (checkpoint / "prefline-checkpoint.json").unlink()


def cut_marker(checkpoint):
    marker = checkpoint / "prefline-checkpoint.json"
    marker.write_bytes(marker.read_bytes()[:-1])


def cut_file(checkpoint):
    (checkpoint / "weights").write_bytes(b"12")


def lost_file(checkpoint):
    (checkpoint / "inner" / "state").unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (unmarked, "not written to its end"),
        (cut_marker, "prefline-checkpoint.json is damaged"),
        (cut_file, "files of it are missing, or not as long"),
        (lost_file, "files of it are missing, or not as long"),
    ],
)
def test_what_is_not_whole_is_passed_over_for_the_one_before(tmp_path, caplog, damage, reason):
    before = write(tmp_path, 2, MINE)
    damage(write(tmp_path, 4, MINE))
    with caplog.at_level(logging.WARNING):
        assert newest_whole(tmp_path, MINE) == before
    assert "checkpoint-4 is not gone on from" in caplog.text
    assert reason in caplog.text


def test_a_marker_that_is_no_marker_is_damaged(tmp_path):
    (write(tmp_path, 4) / "prefline-checkpoint.json").write_text("[1]")
    assert newest_whole(tmp_path, MINE) is None


def test_another_runs_checkpoint_is_passed_over_with_all_that_differs(tmp_path, caplog):
    write(tmp_path, 4, {"params": "b", "num_rows": 3})
    assert newest_whole(tmp_path, {**MINE, "start": "c"}) is None
    assert "it is another run's: params is a and not b; start is c and not None" in caplog.text


def test_only_one_checkpoint_is_kept_and_what_is_none_stays(tmp_path):
    write(tmp_path, 2, MINE)
    newest = write(tmp_path, 4, MINE)
    write(tmp_path, 6)
    (tmp_path / "notes").touch()
    keep_only(newest)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-4", "notes"]


def test_a_checkpoint_can_be_removed_whether_it_is_there_or_not(tmp_path):
    checkpoint = write(tmp_path, 2, MINE)
    discard(checkpoint)
    discard(checkpoint)
    assert not checkpoint.exists()


class Remembers:
    def __init__(self, memory=None):
        self.memory = memory

    def state(self):
        return {"memory": self.memory}

    def restore(self, state):
        self.memory = state["memory"]


class OnlySays:
    """transformers' own stateful callbacks have no `restore`."""

    def state(self):
        return {}


def test_states_return_as_they_were(tmp_path):
    """Tensors of any type bit for bit, also two that share memory; JSON around them."""
    weights = torch.tensor([0.1, float("nan"), -0.0], dtype=torch.bfloat16)
    states = {
        "A": {"memory": {"w": weights, "same": weights, "part": weights[1:], "none": None}},
        "B": {"memory": [1, 0.1, "text", True], "empty": torch.zeros(0, dtype=torch.int64)},
    }
    write_states(tmp_path, states)
    back = read_states(tmp_path)
    for name in ("w", "same"):
        read = back["A"]["memory"].pop(name)
        assert read.dtype == torch.bfloat16
        assert torch.equal(read.view(torch.int16), weights.view(torch.int16))
    assert torch.equal(
        back["A"]["memory"].pop("part").view(torch.int16), weights[1:].view(torch.int16)
    )
    assert back["B"].pop("empty").shape == (0,)
    assert back == {"A": {"memory": {"none": None}}, "B": {"memory": [1, 0.1, "text", True]}}


def test_callbacks_that_can_restore_take_part_each_under_a_name_of_its_own():
    first, second = Remembers(1), Remembers(2)
    found = resumable([first, OnlySays(), object(), second])
    assert found == {"Remembers": first, "Remembers#2": second}
