import math
from pathlib import Path

import pytest

from tasks.annotation.queue.assignment import GivenLabel, NothingLeft
from tasks.annotation.queue.label_error import (
    LabelError,
    LeaseLostError,
    TooEarlyError,
    UnknownItemError,
)
from tests.tasks.annotation.queue.desk import Desk, desk
from tests.tasks.annotation.small_items import small_items


def test_a_label_says_all_that_is_known_of_it(tmp_path: Path) -> None:
    at = desk(tmp_path, items=small_items(2, num_responses=3))
    got = at.next("ann")
    at.wait(seconds=30)
    label = at.give("ann", 0, "b", worst="c", strength="slight", note="n\0 \u202e", seconds=12.5)
    assert label == at.queues.labels(at.queue_id)[0]
    item = at.items[0]
    assert label.comparison_id == item.item_id
    assert label.prompt_id == item.prompt_id
    assert label.completions == tuple(one.completion_id for one in item.responses)
    assert (label.annotator, label.queue) == ("ann", at.queue_id)
    assert (label.choice, label.worst, label.strength) == ("b", "c", "slight")
    assert (label.note, label.seconds) == ("n\0 \u202e", 12.5)
    assert label.shown_order == got.shown_order
    assert label.labelled_at == "2026-03-01T12:00:30.000000+00:00"
    assert not label.is_gold
    assert not label.is_adjudication


def test_of_two_answers_the_worst_is_the_other_one(tmp_path: Path) -> None:
    at = desk(tmp_path)
    assert at.give("ann", 0, "a").worst == "b"
    assert at.give("ann", 1, "b").worst == "a"
    assert at.give("ann", 2, "b", worst="a").worst == "a"
    for choice in ("tie", "both_bad", "skip"):
        label = at.give("ann", 3, choice, strength="clear")
        assert (label.worst, label.strength) == (None, None)  # nothing is better, so not clearly


def test_gold_items_are_marked_and_count_for_nobody(tmp_path: Path) -> None:
    at = desk(tmp_path, items=small_items(3, num_gold=1))
    assert at.give("ann", 2).is_gold
    assert at.give("bob", 2).is_gold
    assert at.state().num_labels == 0
    assert at.queues.progress(at.queue_id, at.person("ann")).mine == 1


MISFITS = {
    "no such side": ({"choice": "d"}, UnknownItemError, "no answer 'd'; there are a, b, c"),
    "two letters": ({"choice": "ab"}, UnknownItemError, "no answer 'ab'"),
    "no letter": ({"choice": ""}, UnknownItemError, "no answer ''"),
    "a capital": ({"choice": "A", "worst": "b"}, UnknownItemError, "no answer 'A'"),
    "no such worst": ({"choice": "a", "worst": "d"}, UnknownItemError, "no answer 'd'"),
    "worst of a word": ({"choice": "a", "worst": "tie"}, UnknownItemError, "no answer 'tie'"),
    "no worst of three": ({"choice": "a"}, LabelError, "the worst is needed"),
    "best and worst": ({"choice": "a", "worst": "a"}, LabelError, "'a' cannot be the best and"),
    "worst of a tie": ({"choice": "tie", "worst": "a"}, LabelError, "tie names no worst"),
    "a strength": ({"choice": "tie", "strength": "much"}, LabelError, "no strength 'much'"),
    "a long note": ({"choice": "tie", "note": "x" * 5_001}, LabelError, "5001 characters"),
    "half a character": ({"choice": "tie", "note": "\ud800"}, LabelError, "cannot be stored"),
    "negative time": ({"choice": "tie", "seconds": -0.1}, LabelError, "-0.1 seconds"),
    "endless": ({"choice": "tie", "seconds": math.inf}, LabelError, "inf seconds"),
    "no number": ({"choice": "tie", "seconds": math.nan}, LabelError, "nan seconds"),
}


@pytest.mark.parametrize(("said", "error", "message"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_refused_in_words(tmp_path: Path, said, error, message) -> None:
    at = desk(tmp_path, items=small_items(1, num_responses=3))
    at.number("ann")
    with pytest.raises(error, match=message):
        at.give("ann", 0, **said)
    assert at.said() == []
    assert at.number("ann") == 0


@pytest.mark.parametrize("item_id", ["", "x", "\ud800", "0" * 10_000, "' OR 1=1 --"])
def test_a_label_of_an_unknown_item_is_refused(tmp_path: Path, item_id: str) -> None:
    at = desk(tmp_path)
    label = GivenLabel(item_id=item_id, choice="a")
    with pytest.raises(UnknownItemError, match="has no comparison"):
        at.queues.give(at.queue_id, at.person("ann"), label, at.now)


def test_a_note_may_have_5000_characters(tmp_path: Path) -> None:
    assert len(desk(tmp_path).give("ann", 0, note="ü" * 5_000).note) == 5_000


def test_seconds_are_no_more_than_the_time_since_the_item_was_first_seen(tmp_path: Path) -> None:
    at = desk(tmp_path)
    at.number("ann")
    at.wait(seconds=8)
    assert at.give("ann", 0, seconds=1e9).seconds == 8.0
    at.number("ann")
    at.wait(seconds=8)
    assert at.give("ann", 1, seconds=3.5).seconds == 3.5
    assert at.give("ann", 2, seconds=60).seconds == 0.0  # was never on the screen
    at.number("ann")
    at.wait(seconds=-5)  # the clock was set back
    assert at.give("ann", 3, seconds=1).seconds == 0.0


def test_a_choice_before_the_shortest_reading_time_is_refused(tmp_path: Path) -> None:
    at = desk(tmp_path, min_reading_seconds=10)
    at.number("ann")
    at.wait(seconds=7.5)
    with pytest.raises(TooEarlyError, match=r"in 2\.5 seconds"):
        at.give("ann", 0)
    at.number("ann")  # the page was loaded again: the time goes on
    at.wait(seconds=2.5)
    at.give("ann", 0)
    at.number("ann")
    at.give("ann", 1, "skip")
    with pytest.raises(TooEarlyError):
        at.give("ann", 2, "tie")  # was never on the screen
    assert at.said() == [("ann", 0, "a"), ("ann", 1, "skip")]


def test_the_same_label_again_is_the_label_that_there_is(tmp_path: Path) -> None:
    at = desk(tmp_path)
    at.number("ann")
    first = at.give("ann", 0, "b", strength="clear", note="so", seconds=0)
    at.wait(minutes=300)
    assert at.give("ann", 0, "b", strength="clear", note="so", seconds=7) == first
    assert at.queues.labels(at.queue_id) == [first]
    assert at.queues.progress(at.queue_id, at.person("ann")).mine == 1


def test_another_label_of_the_same_person_replaces_theirs(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    at.give("ann", 0, "a")
    at.wait(minutes=300)
    assert at.give("ann", 0, "tie").choice == "tie"  # the item is full, by their own label
    assert at.said() == [("ann", 0, "tie")]
    assert at.state().num_labels == 1
    assert at.queues.progress(at.queue_id, at.person("ann")).mine == 1


def test_a_label_that_becomes_a_skip_frees_its_place(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    at.give("ann", 0, "a")
    assert at.next("bob") == NothingLeft("finished")
    at.give("ann", 0, "skip")
    assert at.state().num_labels == 0
    assert at.number("bob") == 0
    with pytest.raises(LeaseLostError, match="given to somebody else"):
        at.give("ann", 0, "a")  # a skip has no place to come back to
    at.give("bob", 0)
    with pytest.raises(LeaseLostError):
        at.give("ann", 0, "a")
    assert at.said() == [("ann", 0, "skip"), ("bob", 0, "a")]


def test_a_skip_can_become_a_label_while_there_is_a_place(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    at.give("ann", 0, "skip")
    at.give("ann", 0, "a")
    assert at.said() == [("ann", 0, "a")]
    assert at.next("bob") == NothingLeft("finished")


def test_a_late_label_is_taken_while_the_place_is_free(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    at.number("ann")
    at.wait(minutes=500)
    at.give("ann", 0)
    assert at.state().num_labels == 1


def test_a_late_label_is_refused_once_somebody_else_has_the_place(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    at.number("ann")
    at.wait(minutes=30)
    at.number("bob")
    with pytest.raises(LeaseLostError, match="go on with the next one"):
        at.give("ann", 0)
    at.give("bob", 0)
    with pytest.raises(LeaseLostError):
        at.give("ann", 0)
    assert at.said() == [("bob", 0, "a")]


def test_a_request_with_an_earlier_time_does_not_revive_a_lapsed_lease(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    at.number("ann")
    asked = at.now
    at.wait(minutes=30)
    at.number("bob")  # while the request of ann waits for its turn
    late, at.now = at.now, asked
    with pytest.raises(LeaseLostError):
        at.give("ann", 0)
    at.now = late
    at.give("bob", 0)
    assert at.said() == [("bob", 0, "a")]


def test_a_place_taken_without_lease_is_taken_from_lapsed_leases(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    at.number("ann")
    asked = at.now
    at.wait(minutes=30)
    at.give("bob", 0)  # from a page that was open all the time
    at.now = asked
    with pytest.raises(LeaseLostError):
        at.give("ann", 0)
    assert at.said() == [("bob", 0, "a")]


def test_another_tab_with_an_older_item_can_label_it_as_well(tmp_path: Path) -> None:
    at = desk(tmp_path, 3)
    at.give_next("ann")
    at.number("ann")
    assert at.undone("ann") == 0  # in one tab; item 1 is still to be seen in the other
    at.give("ann", 1, "b")
    assert at.number("ann") == 0
    at.give("ann", 0, "b")
    assert at.said() == [("ann", 1, "b"), ("ann", 0, "b")]


def progress(at: Desk, name: str) -> object:
    return at.queues.progress(at.queue_id, at.person(name))


def test_progress_is_over_the_last_50_labels(tmp_path: Path) -> None:
    at = desk(tmp_path, 60)
    nothing = progress(at, "ann")
    assert (nothing.mine, nothing.per_hour, nothing.median_seconds) == (0, None, None)
    assert not nothing.can_undo
    for number in range(55):
        assert at.number("ann") == number
        at.wait(seconds=1_000)
        at.give("ann", number, seconds=500 if number < 5 else 10 if number < 40 else 50)
    at.give("bob", 59)
    now = progress(at, "ann")
    assert (now.mine, now.num_labels, now.num_wanted) == (55, 56, 60)
    assert now.median_seconds == 10  # 35 times 10 and 15 times 50: on average 22
    assert now.per_hour == pytest.approx(3600 / 22)
    assert now.can_undo


def test_labels_that_took_no_time_have_no_speed(tmp_path: Path) -> None:
    at = desk(tmp_path)
    at.give("ann", 0)
    assert progress(at, "ann").per_hour is None
    assert progress(at, "ann").median_seconds == 0.0


def test_an_adjudication_stands_beside_the_labels(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    at.give("ann", 0, "a")
    admin = at.person("chief")
    settled = GivenLabel(item_id=at.items[0].item_id, choice="b", seconds=4)
    first = at.queues.adjudicate(at.queue_id, admin, settled, at.now)
    assert (first.is_adjudication, first.seconds, first.worst) == (True, 4, "a")
    assert at.queues.adjudicate(at.queue_id, admin, settled, at.now) == first
    assert at.state().num_labels == 1
    assert progress(at, "chief").mine == 0
    assert not progress(at, "chief").can_undo
    at.wait(seconds=1)
    other = GivenLabel(item_id=at.items[0].item_id, choice="tie")
    second = at.queues.adjudicate(at.queue_id, at.person("deputy"), other, at.now)
    assert at.queues.labels(at.queue_id)[1:] == [second]
    skip = GivenLabel(item_id=at.items[0].item_id, choice="skip")
    with pytest.raises(LabelError, match="settles nothing"):
        at.queues.adjudicate(at.queue_id, admin, skip, at.now)


def test_who_adjudicates_can_label_the_same_item(tmp_path: Path) -> None:
    at = desk(tmp_path, 1)
    label = GivenLabel(item_id=at.items[0].item_id, choice="b")
    at.queues.adjudicate(at.queue_id, at.person("ann"), label, at.now)
    assert at.give_next("ann") == 0
    assert at.undone("ann") == 0
    kept = at.queues.labels(at.queue_id)
    assert [(one.choice, one.is_adjudication) for one in kept] == [("b", True)]
