import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tasks.annotation.queue.assignment import GivenLabel, NothingLeft
from tasks.annotation.queue.label_error import LeaseLostError
from tests.tasks.annotation.queue.desk import desk
from tests.tasks.annotation.small_items import small_items


def test_undo_hands_the_last_item_out_again_with_what_was_said(tmp_path: Path) -> None:
    at = desk(tmp_path, items=small_items(3, num_responses=3))
    at.number("ann")
    at.wait(seconds=20)
    at.give("ann", 0, "c", worst="a", strength="slight", note="hm", seconds=15)
    at.wait(seconds=5)
    back = at.undo("ann")
    assert back.item == at.items[0]
    assert back.elapsed_seconds == 25.0
    assert back.before == GivenLabel(
        item_id=at.items[0].item_id,
        choice="c",
        worst="a",
        strength="slight",
        note="hm",
        seconds=15.0,
    )
    assert at.said() == []
    assert at.state().num_labels == 0
    assert at.number("ann") == 0  # it is theirs again
    assert at.number("bob") == 1


def test_undo_goes_back_label_by_label_also_after_a_restart(tmp_path: Path) -> None:
    at = desk(tmp_path, 5)
    for choice in ("a", "skip", "tie", "both_bad"):
        at.give_next("ann", choice)
        at.wait(seconds=1)
    assert at.undone("ann") == 3
    at = desk(tmp_path, 5)
    assert [at.undone("ann"), at.undone("ann"), at.undone("ann")] == [2, 1, 0]
    assert not at.queues.progress(at.queue_id, at.person("ann")).can_undo
    assert at.undone("ann") == 0  # nothing more: what is in hand
    assert [at.give_next("ann", "b") for _ in range(5)] == [0, 1, 2, 3, 4]


def test_labels_of_one_moment_are_undone_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    at = desk(tmp_path, 4)
    for number in (2, 0, 3):
        at.give("ann", number)
    assert [at.undone("ann") for _ in range(3)] == [3, 0, 2]


def test_a_label_that_was_changed_is_the_last_one(tmp_path: Path) -> None:
    at = desk(tmp_path, 3)
    at.give_next("ann")
    at.give_next("ann")
    at.wait(seconds=1)
    at.give("ann", 0, "b")
    assert at.undo("ann").before.choice == "b"
    assert at.undone("ann") == 1


def test_undo_does_not_touch_labels_of_others(tmp_path: Path) -> None:
    at = desk(tmp_path, 1, overlap=2)
    at.give_next("ann")
    at.give_next("bob")
    assert at.undone("ann") == 0
    assert at.said() == [("bob", 0, "a")]
    assert at.undo("cay") == NothingLeft("waiting")


def test_an_undone_place_is_kept_while_the_lease_lasts(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    at.give_next("ann")
    at.undo("ann")
    assert at.next("bob") == NothingLeft("waiting")
    with pytest.raises(LeaseLostError):
        at.give("bob", 0)
    at.wait(minutes=30)
    assert at.give_next("bob") == 0
    assert at.next("ann") == NothingLeft("finished")


def test_the_item_in_hand_goes_back_to_the_queue_on_undo(tmp_path: Path) -> None:
    at = desk(tmp_path, 2)
    at.give_next("ann")
    assert at.number("ann") == 1
    assert at.undone("ann") == 0
    assert at.number("bob") == 1  # nobody has two items in hand


def test_a_skip_of_an_item_that_others_completed_stays(tmp_path: Path) -> None:
    at = desk(tmp_path, 3)
    at.give_next("ann")
    at.wait(seconds=1)
    at.give_next("ann", "skip")
    at.give_next("bob")
    assert at.undone("ann") == 0  # the skip of item 1 is passed over: nothing is left to decide
    assert at.said() == [("ann", 1, "skip"), ("bob", 1, "a")]
    at.undo("bob")
    at.give("bob", 1, "skip")
    assert at.undone("ann") == 1


def test_only_a_settled_skip_leaves_nothing_to_undo(tmp_path: Path) -> None:
    at = desk(tmp_path, 2)
    at.give_next("ann", "skip")
    at.give_next("bob")
    assert not at.queues.progress(at.queue_id, at.person("ann")).can_undo
    assert at.undone("ann") == 1  # the next item
    assert len(at.said()) == 2


def test_gold_items_and_their_cadence_can_be_undone(tmp_path: Path) -> None:
    at = desk(tmp_path, items=small_items(6, num_gold=2), gold_every=2)
    assert [at.give_next("ann") for _ in range(4)] == [0, 4, 1, 5]
    assert [at.undone("ann") for _ in range(3)] == [5, 1, 4]
    assert [at.give_next("ann") for _ in range(4)] == [4, 1, 5, 2]


def test_what_was_undone_or_replaced_stays_in_the_file(tmp_path: Path) -> None:
    at = desk(tmp_path, 2)
    at.give("ann", 0, "a", note="first")
    at.give("ann", 0, "b", note="second")
    at.undo("ann")
    with closing(sqlite3.connect(tmp_path / "queues.sqlite")) as file:
        former = file.execute("SELECT choice, note, ended_by FROM former_labels").fetchall()
    assert former == [("a", "first", "a later label"), ("b", "second", "undo")]


def test_what_one_person_takes_back_comes_to_those_who_had_passed_it(tmp_path: Path) -> None:
    at = desk(tmp_path, 4, overlap=1)
    at.give_next("ann")
    assert [at.give_next("bob") for _ in range(3)] == [1, 2, 3]
    assert at.next("bob") == NothingLeft("finished")
    at.undo("ann")
    assert at.next("bob") == NothingLeft("waiting")
    at.give("ann", 0, "skip")
    assert at.number("bob") == 0


def test_all_that_was_undone_comes_again_though_others_have_labelled_it_too(
    tmp_path: Path,
) -> None:
    at = desk(tmp_path, 4, overlap=3)
    for name in ("bob", "ann"):
        assert [at.give_next(name) for _ in range(2)] == [0, 1]
    assert at.number("ann") == 2
    assert [at.undone("ann"), at.undone("ann")] == [1, 0]
    assert [at.give_next("ann") for _ in range(4)] == [0, 1, 2, 3]


def test_a_skip_of_a_gold_item_can_be_undone_however_many_have_it(tmp_path: Path) -> None:
    at = desk(tmp_path, items=small_items(6, num_gold=1), gold_every=2)
    assert [at.give_next("ann"), at.give_next("bob")] == [0, 1]
    assert at.number("bob") == 5
    assert at.give_next("ann", "skip") == 5
    assert at.undone("ann") == 5


def test_all_gold_items_that_were_undone_come_again(tmp_path: Path) -> None:
    at = desk(tmp_path, items=small_items(8, num_gold=3), gold_every=2)
    assert [at.give_next("ann") for _ in range(5)] == [0, 5, 1, 6, 2]
    assert at.number("ann") == 7
    assert [at.undone("ann") for _ in range(3)] == [2, 6, 1]
    assert [at.give_next("ann") for _ in range(5)] == [1, 6, 2, 7, 3]


def test_an_only_label_that_becomes_a_skip_comes_to_those_who_had_passed_the_item(
    tmp_path: Path,
) -> None:
    at = desk(tmp_path, 3, overlap=2)
    at.give_next("ann")
    assert at.number("cay") == 0
    assert at.give_next("bob") == 1
    at.give("ann", 0, "skip")
    at.wait(minutes=30)
    assert at.number("bob") == 0
