from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.annotation.comparison_item import MOST_RESPONSES, Response
from tasks.annotation.params import QueueParams
from tasks.annotation.queue.label_error import QueueClosedError, UnknownItemError
from tasks.annotation.queue.queues import Queues, open_queues
from tests.tasks.annotation.queue.desk import NOON, desk
from tests.tasks.annotation.small_items import small_items

PARAMS = QueueParams(overlap=2)


@pytest.fixture
def queues(tmp_path: Path) -> Queues:
    return open_queues(tmp_path / "queues.sqlite")


def test_a_queue_has_its_items_and_counts_in_another_connection_as_well(tmp_path: Path) -> None:
    items = [*small_items(3, num_responses=4), *small_items(6, num_gold=2)[3:]]
    first = open_queues(tmp_path / "deep" / "queues.sqlite")
    state = first.publish("night", items, PARAMS, origin="pairs 1234")
    again = open_queues(tmp_path / "deep" / "queues.sqlite")
    assert again.queue(state.queue_id) == state
    assert again.items(state.queue_id) == items
    assert again.item(state.queue_id, items[4].item_id) == items[4]
    assert (state.name, state.origin, state.params) == ("night", "pairs 1234", PARAMS)
    assert (state.num_items, state.num_gold, state.num_labels, state.num_wanted) == (6, 2, 0, 8)
    assert state.is_open


def test_texts_of_any_kind_come_back_as_they_were(queues: Queues) -> None:
    texts = ("", "\0 and \u202e and \U0001f600", "<script>" + "x" * 1_000_000)
    item = replace(
        small_items(1, num_responses=3)[0],
        messages=(Message("system", texts[1]), Message("user", texts[2])),
        responses=tuple(Response(completion_id=f"c{k}", text=text) for k, text in enumerate(texts)),
        judge="the judge",
        judged="tie",
    )
    state = queues.publish("odd", [item], PARAMS, origin="")
    assert queues.items(state.queue_id) == [item]


def test_publishing_the_same_again_changes_nothing_and_keeps_labels(tmp_path: Path) -> None:
    at = desk(tmp_path, 3, overlap=2)
    at.give_next("ann")
    before = at.state()
    again = at.queues.publish(
        "the queue", at.items, QueueParams(overlap=2), origin="somewhere else"
    )
    assert again == before
    assert again.num_labels == 1
    assert at.queues.queues() == [before]


def test_an_origin_may_be_a_path_that_is_no_text(queues: Queues) -> None:
    assert (
        queues.publish("one", small_items(1), PARAMS, origin="a\udcff.jsonl").origin == "a?.jsonl"
    )


@pytest.mark.parametrize("change", ["name", "params", "order", "text"])
def test_another_name_item_or_parameter_makes_another_queue(queues: Queues, change: str) -> None:
    items = small_items(3)
    first = queues.publish("one", items, PARAMS, origin="")
    queues.close(first.queue_id)
    other = replace(items[0], messages=(Message("user", "Another question?"),))
    changed = {"order": items[::-1], "text": [other, *items[1:]]}.get(change, items)
    second = queues.publish(
        "two" if change == "name" else "one",
        changed,
        QueueParams(overlap=3) if change == "params" else PARAMS,
        origin="",
    )
    assert second.queue_id != first.queue_id
    assert queues.items(second.queue_id) == changed
    assert queues.items(first.queue_id) == items


def test_publishing_a_closed_queue_again_opens_it(queues: Queues) -> None:
    state = queues.publish("one", small_items(2), PARAMS, origin="")
    queues.close(state.queue_id)
    assert not queues.queue("one").is_open
    assert queues.publish("one", small_items(2), PARAMS, origin="") == state


def test_two_open_queues_cannot_have_one_name(queues: Queues) -> None:
    first = queues.publish("one", small_items(2), PARAMS, origin="")
    with pytest.raises(InputError, match=f"'one' is open, {first.queue_id}.*give another name"):
        queues.publish("one", small_items(3), PARAMS, origin="")
    queues.close(first.queue_id)
    second = queues.publish("one", small_items(3), PARAMS, origin="")
    for open_again in (
        lambda: queues.reopen(first.queue_id),
        lambda: queues.publish("one", small_items(2), PARAMS, origin=""),
    ):
        with pytest.raises(InputError, match=f"'one' is open, {second.queue_id}"):
            open_again()
    assert queues.queue("one") == second


def _two_of_one() -> Response:
    return small_items(1)[0].responses[0]


UNFIT = {
    "no items": ([], "has no items to label"),
    "gold items only": (small_items(2, num_gold=2), "gold items only"),
    "one answer": (small_items(2, num_responses=1), "has 1 answers; give 2 to 9"),
    "too many answers": (small_items(1, num_responses=MOST_RESPONSES + 1), "has 10 answers"),
    "one completion twice": (
        [replace(small_items(1)[0], responses=(_two_of_one(), _two_of_one()))],
        "has one completion twice",
    ),
    "an item twice": ([*small_items(2), *small_items(2)], "2 items .* more than once"),
    "gold that is no side": (
        [*small_items(1), replace(small_items(2)[1], gold="c")],
        "has gold 'c'; give one of a, b, tie",
    ),
    "gold of two letters": (
        [*small_items(1), replace(small_items(2)[1], gold="ab")],
        "has gold 'ab'",
    ),
    "empty gold": ([*small_items(1), replace(small_items(2)[1], gold="")], "has gold ''"),
    "judged that is no side": ([replace(small_items(1)[0], judged="both_bad")], "has judged"),
    "half a character": (
        [replace(small_items(1)[0], messages=(Message("user", "\ud800"),))],
        "cannot be stored",
    ),
    "half a character in an id": (
        [replace(small_items(1)[0], responses=(Response(completion_id="\ud800", text=""),) * 2)],
        "cannot be stored",
    ),
}


@pytest.mark.parametrize(("items", "message"), UNFIT.values(), ids=UNFIT)
def test_unfit_items_are_refused_and_nothing_is_kept(queues: Queues, items, message) -> None:
    with pytest.raises(InputError, match=message):
        queues.publish("one", items, PARAMS, origin="")
    assert queues.queues() == []


@pytest.mark.parametrize("name", ["", "  ", "latest", "two\nlines", "\ud800"])
def test_what_cannot_be_a_name_is_refused(queues: Queues, name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of a queue"):
        queues.publish(name, small_items(1), PARAMS, origin="")


def test_a_reference_is_an_id_its_start_a_name_or_latest(queues: Queues) -> None:
    with pytest.raises(InputError, match="there are none yet: publish one first"):
        queues.queue("latest")
    old = queues.publish("one", small_items(1), PARAMS, origin="")
    queues.close(old.queue_id)
    new = queues.publish("one", small_items(2), PARAMS, origin="")
    other = queues.publish("two", small_items(2), PARAMS, origin="")
    queues.close(other.queue_id)
    assert queues.queue(old.queue_id).queue_id == old.queue_id
    assert queues.queue(old.queue_id[:4]).queue_id == old.queue_id
    assert queues.queue("one") == new
    assert queues.queue("latest") == new  # the newest that is open
    queues.close(new.queue_id)
    assert queues.queue("latest").queue_id == other.queue_id
    assert [queue.queue_id for queue in queues.queues()] == [
        other.queue_id,
        new.queue_id,
        old.queue_id,
    ]


@pytest.mark.parametrize("reference", ["nothing", "", "%", "_" * 16])
def test_a_reference_that_means_nothing_says_what_there_is(queues: Queues, reference: str) -> None:
    state = queues.publish("one", small_items(1), PARAMS, origin="")
    with pytest.raises(InputError, match=rf"no queue .*there are {state.queue_id} \(one\)"):
        queues.queue(reference)
    with pytest.raises(InputError, match="no queue"):
        queues.queue(state.queue_id[:3])  # too short to be meant


def test_the_start_of_two_ids_is_refused(queues: Queues) -> None:
    ids: dict[str, str] = {}
    for number in range(2000):  # two of so many have the same first four digits, surely enough
        state = queues.publish(f"queue {number}", small_items(1), PARAMS, origin="")
        if state.queue_id[:4] in ids:
            break
        ids[state.queue_id[:4]] = state.queue_id
    else:
        pytest.fail("no two ids with the same start")
    with pytest.raises(InputError, match=r"several queues begin with .*give more of the id"):
        queues.queue(state.queue_id[:4])


def test_a_closed_queue_hands_out_and_takes_nothing(tmp_path: Path) -> None:
    at = desk(tmp_path)
    at.give("ann", 0)
    at.queues.close(at.queue_id)
    assert at.next("ann").reason == "closed"
    assert at.undo("ann").reason == "closed"
    assert not at.queues.progress(at.queue_id, at.person("ann")).can_undo
    with pytest.raises(QueueClosedError):
        at.give("ann", 1)
    assert at.give("ann", 0).labelled_at == at.now.isoformat(timespec="microseconds")  # a retry
    at.queues.reopen(at.queue_id)
    assert at.number("ann") == 1
    assert at.said() == [("ann", 0, "a")]


def test_a_run_that_waits_is_due_by_labels_or_by_time(tmp_path: Path) -> None:
    at = desk(tmp_path, 3)
    deadline = NOON + timedelta(hours=1)
    assert at.queues.due(deadline) == []
    at.queues.wait_for(at.queue_id, min_labels=2, deadline=deadline, flow_run_id="run 1")
    assert (at.state().min_labels, at.state().deadline) == (2, deadline)
    assert at.queues.due(NOON) == []
    assert at.queues.due(deadline) == [at.state()]
    at.give_next("ann")
    at.give_next("ann", "skip")
    assert at.queues.due(NOON) == []
    at.give_next("ann")
    assert [queue.flow_run_id for queue in at.queues.due(NOON)] == ["run 1"]
    at.queues.wait_for(at.queue_id, min_labels=2, deadline=deadline, flow_run_id=None)
    assert at.queues.due(deadline) == []  # nobody to tell
    assert at.state().is_due(NOON)
    at.queues.stop_waiting(at.queue_id)
    assert not at.state().is_due(deadline)
    assert at.state().deadline is None


def test_unknown_queues_people_and_items_are_named(tmp_path: Path) -> None:
    at = desk(tmp_path)
    with pytest.raises(InputError, match="no queue 'x'"):
        at.queues.close("x")
    with pytest.raises(InputError, match="no queue 'x'"):
        at.queues.next_item("x", at.person("ann"), NOON)
    with pytest.raises(InputError, match="no annotator 99"):
        at.queues.next_item(at.queue_id, 99, NOON)
    with pytest.raises(UnknownItemError, match="no comparison 'x'"):
        at.queues.item(at.queue_id, "x")


def test_queues_in_one_file_do_not_touch_each_other(queues: Queues) -> None:
    items, ann = small_items(2), queues.annotator("ann").annotator_id
    ids = [queues.publish(name, items, PARAMS, origin="").queue_id for name in ("one", "two")]
    got = [queues.next_item(queue_id, ann, NOON) for queue_id in ids]
    assert [assignment.item for assignment in got] == [items[0], items[0]]
    assert queues.labels(ids[0]) == queues.labels(ids[1]) == []
