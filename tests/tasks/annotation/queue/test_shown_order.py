import math
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from storage.tables.table import row_id
from tasks.annotation.queue.assignment import Assignment
from tasks.annotation.queue.label_error import UnknownItemError
from tasks.annotation.queue.shown_order import shown_order
from tests.tasks.annotation.queue.desk import desk
from tests.tasks.annotation.small_items import small_items

SECRET = bytes(range(32))


def test_the_order_follows_the_hmac_of_item_person_and_letter() -> None:
    # printf 'item|ann|a' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f, and so on
    assert shown_order(SECRET, "item", "ann", "abcd") == "dacb"


@pytest.mark.parametrize("letters", ["ab", "abc", "abcd"])
def test_over_many_items_each_order_comes_equally_often(letters: str) -> None:
    num = 24_000
    counts = Counter(shown_order(SECRET, row_id(k), "ann", letters) for k in range(num))
    orders = ["".join(order) for order in permutations(letters)]
    share = 1 / len(orders)
    bound = 4.5 * math.sqrt(num * share * (1 - share))  # for chance, less than 1 in 100,000
    assert sorted(counts) == sorted(orders)
    assert all(abs(counts[order] - num * share) < bound for order in orders)


def test_two_people_see_an_item_in_the_same_order_half_of_the_time() -> None:
    num = 10_000
    same = sum(
        shown_order(SECRET, row_id(k), "ann", "ab") == shown_order(SECRET, row_id(k), "bob", "ab")
        for k in range(num)
    )
    assert abs(same - num / 2) < 4.5 * math.sqrt(num / 4)


def test_a_person_sees_an_item_in_the_same_order_after_a_restart(tmp_path: Path) -> None:
    items = small_items(12, num_responses=9)
    at = desk(tmp_path, items=items)
    orders = {}
    for _ in items:
        got = at.next("ann")
        orders[got.item.item_id] = got.shown_order
        assert sorted(got.shown_order) == list("abcdefghi")
        at.give("ann", items.index(got.item), "a", worst="b")
    assert len(set(orders.values())) == len(items)  # of 9! orders, 12 are all different
    labels = at.queues.labels(at.queue_id)
    assert {label.comparison_id: label.shown_order for label in labels} == orders
    again = desk(tmp_path, items=items)
    again.undo("ann")
    assert again.next("ann").shown_order == orders[items[-1].item_id]


def test_each_file_has_a_secret_of_its_own(tmp_path: Path) -> None:
    orders = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        orders.add(
            desk(tmp_path / name, items=small_items(1, num_responses=9)).next("a").shown_order
        )
    assert len(orders) == 2


def test_the_order_on_a_screen_is_known_before_and_after_the_item_is_shown(tmp_path: Path) -> None:
    at = desk(tmp_path, 20, overlap=1)
    queue, ann = at.queue_id, at.person("ann")
    known = {item.item_id: at.queues.shown_order(queue, ann, item.item_id) for item in at.items}
    shown = at.next("ann")
    assert isinstance(shown, Assignment)
    assert known[shown.item.item_id] == shown.shown_order
    assert set(known.values()) == {"ab", "ba"}
    with pytest.raises(UnknownItemError, match="has no comparison 'other'"):
        at.queues.shown_order(queue, ann, "other")
