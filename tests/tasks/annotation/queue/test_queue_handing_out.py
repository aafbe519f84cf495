from pathlib import Path

import pytest

from tasks.annotation.queue.assignment import Assignment, NothingLeft
from tests.tasks.annotation.queue.desk import desk
from tests.tasks.annotation.small_items import small_items


def test_items_come_in_the_order_of_the_queue_until_all_are_labelled(tmp_path: Path) -> None:
    at = desk(tmp_path, 3)
    assert [at.give_next("ann") for _ in range(3)] == [0, 1, 2]
    assert at.next("ann") == at.next("bob") == NothingLeft("finished")
    assert (at.state().num_labels, at.state().num_wanted) == (3, 3)


def test_two_people_never_have_one_place_of_an_item(tmp_path: Path) -> None:
    at = desk(tmp_path, 2)
    assert (at.number("ann"), at.number("bob")) == (0, 1)
    assert at.next("cay") == NothingLeft("waiting")
    at.give("ann", 0)
    assert at.next("ann") == NothingLeft("waiting")  # bob has the last one in hand
    at.give("bob", 1)
    assert at.next("ann") == at.next("cay") == NothingLeft("finished")


def test_an_item_goes_to_as_many_people_as_the_overlap_says(tmp_path: Path) -> None:
    at = desk(tmp_path, 2, overlap=2)
    assert [at.number(name) for name in ("ann", "bob", "cay", "dan")] == [0, 0, 1, 1]
    assert at.next("eve") == NothingLeft("waiting")


def test_items_with_some_labels_come_before_those_without_any(tmp_path: Path) -> None:
    at = desk(tmp_path, 5, overlap=2)
    at.give("ann", 3)
    at.give("ann", 1)
    assert [at.give_next("bob") for _ in range(5)] == [1, 3, 0, 2, 4]
    assert [at.give_next("ann") for _ in range(3)] == [0, 2, 4]
    assert at.state().num_labels == 10


def test_what_a_person_has_in_hand_is_what_they_get_again(tmp_path: Path) -> None:
    at = desk(tmp_path, 3)
    first = at.next("ann")
    assert isinstance(first, Assignment)
    assert first.elapsed_seconds == 0.0
    assert first.before is None
    at.wait(seconds=40)
    again = desk(tmp_path, 3)  # after a restart
    again.now = at.now
    resumed = again.next("ann")
    assert isinstance(resumed, Assignment)
    assert (resumed.item, resumed.shown_order) == (first.item, first.shown_order)
    assert resumed.elapsed_seconds == 40.0


def test_a_lease_that_ran_out_gives_the_item_to_the_next_person(tmp_path: Path) -> None:
    at = desk(tmp_path, 1, lease_minutes=10)
    at.number("ann")
    at.wait(minutes=9.99)
    assert at.next("bob") == NothingLeft("waiting")
    at.wait(minutes=0.01)
    assert at.number("bob") == 0
    assert at.next("ann") == NothingLeft("waiting")


def test_a_lease_that_ran_out_comes_back_while_the_place_is_free(tmp_path: Path) -> None:
    at = desk(tmp_path, 2, lease_minutes=10)
    at.number("ann")
    at.wait(minutes=60)
    got = at.next("ann")
    assert isinstance(got, Assignment)
    assert (at.items.index(got.item), got.elapsed_seconds) == (0, 3600.0)
    at.wait(minutes=9)
    assert at.number("bob") == 1  # it is kept anew


def test_a_lease_that_ran_out_comes_back_before_items_that_are_earlier(tmp_path: Path) -> None:
    at = desk(tmp_path, 2)
    assert [at.number("bob"), at.number("ann")] == [0, 1]
    at.wait(minutes=60)
    assert at.number("ann") == 1


def test_asking_again_keeps_the_item_longer(tmp_path: Path) -> None:
    at = desk(tmp_path, 1, lease_minutes=10)
    for _ in range(5):
        at.number("ann")
        at.wait(minutes=9)
    assert at.next("bob") == NothingLeft("waiting")


def test_a_skipped_item_goes_to_others_and_never_comes_back(tmp_path: Path) -> None:
    at = desk(tmp_path, 2)
    assert at.give_next("ann", "skip") == 0
    assert at.give_next("ann") == 1
    assert at.next("ann") == NothingLeft("finished")  # for her, though item 0 lacks a label
    assert at.give_next("bob") == 0
    assert at.state().num_labels == 2


def test_what_all_have_skipped_stays_without_label(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    for name in ("ann", "bob"):
        at.give_next(name, "skip")
        assert at.next(name) == NothingLeft("finished")
    assert (at.state().num_labels, at.state().num_wanted) == (0, 1)


def test_every_nth_comparison_of_a_person_is_a_gold_item(tmp_path: Path) -> None:
    items = small_items(12, num_gold=3)  # 9, 10 and 11 are gold
    at = desk(tmp_path, items=items, gold_every=3, overlap=2)
    ann = [at.give_next("ann", "skip" if k == 1 else "a") for k in range(12)]
    assert ann == [0, 1, 9, 2, 3, 10, 4, 5, 11, 6, 7, 8]
    bob = [at.give_next("bob") for _ in range(7)]
    assert bob == [0, 2, 9, 3, 4, 10, 5]  # gold items go to everybody
    assert at.state().num_labels == 8 + 5
    assert at.state().num_wanted == 18


def test_gold_items_that_are_left_over_are_not_handed_out(tmp_path: Path) -> None:
    at = desk(tmp_path, items=small_items(8, num_gold=6), gold_every=2)
    assert [at.give_next("ann") for _ in range(4)] == [0, 2, 1, 3]
    assert at.next("ann") == NothingLeft("finished")


def test_a_gold_item_in_hand_is_kept_however_many_have_it(tmp_path: Path) -> None:
    at = desk(tmp_path, items=small_items(20, num_gold=1), gold_every=2, lease_minutes=1)
    names = ["ann", "bob", "cay"]
    for name in names:
        at.give_next(name)
    assert [at.number(name) for name in names] == [19, 19, 19]
    at.wait(minutes=5)
    assert [at.number(name) for name in names] == [19, 19, 19]
    assert [at.give_next(name) for name in names] == [19, 19, 19]


def test_a_person_far_ahead_and_one_far_behind_both_go_on_in_order(tmp_path: Path) -> None:
    at = desk(tmp_path, 60, overlap=3)
    assert [at.give_next("ann") for _ in range(40)] == list(range(40))
    assert [at.give_next("bob") for _ in range(20)] == list(range(20))
    at.give("cay", 50)
    assert at.give_next("bob") == 20
    assert at.give_next("ann") == 50  # was begun meanwhile
    assert at.give_next("ann") == 40
    assert [at.give_next("dan") for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("overlap", [1, 2, 3])
def test_all_items_get_exactly_as_many_labels_as_the_overlap(tmp_path: Path, overlap: int) -> None:
    at = desk(tmp_path, 7, overlap=overlap)
    names = ["ann", "bob", "cay"]
    open_names = set(names)
    while open_names:
        for name in sorted(open_names):
            if isinstance(at.next(name), NothingLeft):
                open_names.discard(name)
            else:
                at.give_next(name)
    per_item = [sorted(n for n, number, _ in at.said() if number == k) for k in range(7)]
    assert all(len(set(who)) == len(who) == overlap for who in per_item)
