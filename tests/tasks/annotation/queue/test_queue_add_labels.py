from dataclasses import replace
from pathlib import Path

import pytest

from storage.input_error import InputError
from storage.tables.labels import HumanLabel
from tasks.annotation.queue.assignment import GivenLabel, NothingLeft
from tasks.annotation.queue.label_error import LeaseLostError
from tests.tasks.annotation.queue.desk import Desk, desk
from tests.tasks.annotation.small_items import small_items


def label(at: Desk, number: int = 0, **fields) -> HumanLabel:
    item = at.items[number]
    made = HumanLabel(
        comparison_id=item.item_id,
        prompt_id=item.prompt_id,
        completions=tuple(one.completion_id for one in item.responses),
        annotator="ann",
        choice="a",
        worst="b",
        shown_order="ba",
        seconds=4.0,
        queue="elsewhere",
        labelled_at="2026-02-01T08:00:00.000000+00:00",
    )
    return replace(made, **fields)


def test_labels_of_one_queue_can_be_put_into_a_copy_of_it(tmp_path: Path) -> None:
    items = small_items(6, num_gold=2)
    at = desk(tmp_path, items=items, overlap=2, gold_every=2)
    for name, choice in (("ann", "b"), ("bob", "tie"), ("ann", "skip"), ("ann", "a")):
        at.wait(seconds=3)
        at.number(name)
        at.wait(seconds=3)
        at.give_next(name, choice)
    settled = GivenLabel(item_id=items[0].item_id, choice="b", note="so")
    at.queues.adjudicate(at.queue_id, at.person("chief"), settled, at.now)
    labels = at.queues.labels(at.queue_id)
    (tmp_path / "copy").mkdir()
    copy = desk(tmp_path / "copy", items=items, overlap=2, gold_every=2)
    assert copy.queue_id == at.queue_id
    assert copy.queues.add_labels(copy.queue_id, labels) == 5
    assert copy.queues.labels(copy.queue_id) == labels
    assert [one.label_id for one in copy.queues.labels(copy.queue_id)] == [
        one.label_id for one in labels
    ]
    assert copy.state().num_labels == at.state().num_labels
    assert copy.queues.add_labels(copy.queue_id, labels) == 0
    assert copy.number("bob") == at.number("bob")


@pytest.mark.parametrize(
    ("labelled_at", "num_taken", "choice"),
    [
        ("2026-02-01T08:00:00+00:00", 0, "a"),  # the same moment
        ("2026-02-01T09:00:00+01:00", 0, "a"),  # elsewhere on earth
        ("2026-02-01T08:00:00.000001Z", 1, "tie"),
        ("2026-02-01T07:00:00-02:00", 1, "tie"),
        ("2026-02-01T08:00:01", 1, "tie"),  # without an offset it is UTC
        ("2026-02-01", 0, "a"),
    ],
)
def test_only_a_later_label_replaces_one(
    tmp_path: Path, labelled_at: str, num_taken: int, choice: str
) -> None:
    at = desk(tmp_path)
    assert at.queues.add_labels(at.queue_id, [label(at)]) == 1
    later = label(at, choice="tie", worst=None, labelled_at=labelled_at)
    assert at.queues.add_labels(at.queue_id, [later]) == num_taken
    assert at.said() == [("ann", 0, choice)]
    assert at.state().num_labels == 1


def test_labels_come_out_by_time_and_queue_whatever_their_order(tmp_path: Path) -> None:
    at = desk(tmp_path)
    early, late = (label(at, k, labelled_at=f"2026-02-01T0{8 - k}:30:00Z") for k in (1, 0))
    at.queues.add_labels(at.queue_id, [late, early])
    found = at.queues.labels(at.queue_id)
    assert [one.labelled_at for one in found] == [
        "2026-02-01T07:30:00.000000+00:00",
        "2026-02-01T08:30:00.000000+00:00",
    ]
    assert {one.queue for one in found} == {at.queue_id}
    assert at.undone("ann") == 0  # the later one


def test_an_item_may_get_more_labels_than_the_overlap(tmp_path: Path) -> None:
    at = desk(tmp_path, 2)
    labels = [label(at, annotator=name) for name in ("ann", "bob", "cay")]
    assert at.queues.add_labels(at.queue_id, labels) == 3
    assert at.state().num_labels == 3
    assert at.number("dan") == 1
    assert at.undone("bob") == at.number("bob") == 0
    assert at.next("eve") == NothingLeft("waiting")  # item 0 is still full


def test_labels_from_elsewhere_end_leases_that_have_no_place_any_more(tmp_path: Path) -> None:
    at = desk(tmp_path, 1, overlap=2)
    assert [at.number("ann"), at.number("bob")] == [0, 0]
    at.queues.add_labels(at.queue_id, [label(at, annotator="cay")])
    took = [_takes(at, name) for name in ("ann", "bob")]
    assert sorted(took) == [False, True]
    assert at.state().num_labels == 2


def test_of_the_leases_the_one_that_lasts_longest_is_left(tmp_path: Path) -> None:
    at = desk(tmp_path, 2, overlap=2)
    at.number("ann")
    at.wait(minutes=20)
    at.number("bob")
    at.queues.add_labels(at.queue_id, [label(at, annotator="cay")])
    at.wait(minutes=20)
    assert at.number("dan") == 1
    at.give("bob", 0)


def _takes(at: Desk, name: str) -> bool:
    try:
        at.give(name, 0)
    except LeaseLostError:
        return False
    return True


def test_a_label_from_elsewhere_ends_what_the_person_has_in_hand(tmp_path: Path) -> None:
    at = desk(tmp_path, 2, overlap=2)
    assert at.number("ann") == 0
    at.queues.add_labels(at.queue_id, [label(at)])
    assert at.number("ann") == 1
    assert at.number("bob") == 0


def test_gold_is_what_the_item_says_and_not_the_label(tmp_path: Path) -> None:
    at = desk(tmp_path, items=small_items(2, num_gold=1))
    at.queues.add_labels(at.queue_id, [label(at, 0, is_gold=True), label(at, 1)])
    assert [one.is_gold for one in at.queues.labels(at.queue_id)] == [False, True]
    assert at.state().num_labels == 1


MISFITS = {
    "unknown item": ({"comparison_id": "nothing"}, "has no item 'nothing', which 'ann'"),
    "no text": ({"comparison_id": "\ud800"}, "has no item"),
    "other order": ({"completions": ("y", "x")}, "it compares"),
    "no such side": ({"choice": "c"}, "no answer 'c'"),
    "worst of a tie": ({"choice": "tie"}, "tie names no worst"),
    "strength": ({"strength": "much"}, "no strength 'much', only slight, clear and null"),
    "one side shown": ({"shown_order": "a"}, "'a' has not each of 'ab' exactly once"),
    "one side twice": ({"shown_order": "aab"}, "exactly once"),
    "time": ({"labelled_at": "yesterday"}, "'yesterday' is not ISO 8601"),
    "seconds": ({"seconds": -1.0}, "-1.0 seconds"),
    "nobody": ({"annotator": ""}, "cannot be the name"),
}


@pytest.mark.parametrize(("fields", "message"), MISFITS.values(), ids=MISFITS)
def test_a_label_that_does_not_fit_is_refused_with_all_others(
    tmp_path: Path, fields, message
) -> None:
    at = desk(tmp_path)
    with pytest.raises(InputError, match=message):
        at.queues.add_labels(at.queue_id, [label(at, 1), label(at, **fields)])
    assert at.said() == []
    assert at.queues.annotators() == []
