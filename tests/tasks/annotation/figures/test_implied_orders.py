"""Which answer a label says is better than which other one."""

import pytest

from tasks.annotation.comparison_item import SIDES
from tasks.annotation.figures.implied_orders import can_be_said, implied_orders


@pytest.mark.parametrize(
    ("choice", "worst", "sides", "orders"),
    [
        pytest.param("a", None, "ab", {"ab"}, id="of two the worst one follows"),
        pytest.param("b", "a", "ab", {"ba"}, id="and may be named"),
        pytest.param("a", "c", "abc", {"ab", "ac", "bc"}, id="three"),
        pytest.param("c", "b", "abc", {"ca", "cb", "ab"}, id="three, the best one last"),
        pytest.param("b", "d", "abcd", {"ba", "bc", "bd", "ad", "cd"}, id="four, not a and c"),
        pytest.param("b", None, "abc", {"ba", "bc"}, id="no worst one is named"),
        pytest.param("tie", None, "abc", set(), id="a tie"),
        pytest.param("both_bad", None, "ab", set(), id="both bad"),
        pytest.param("skip", None, "ab", set(), id="a skip"),
    ],
)
def test_orders_worked_by_hand(choice, worst, sides, orders):
    found = implied_orders(choice, worst, sides)
    assert set(found) == orders
    assert len(found) == len(orders)


@pytest.mark.parametrize("num_sides", range(2, 10))
def test_of_n_answers_a_best_and_a_worst_one_imply_2_n_less_3_orders(num_sides):
    sides = SIDES[:num_sides]
    for best in sides:
        for worst in set(sides) - {best}:
            orders = implied_orders(best, worst, sides)
            assert len(set(orders)) == len(orders) == 2 * num_sides - 3
            assert not {order[::-1] for order in orders} & set(orders)


@pytest.mark.parametrize(
    ("choice", "worst", "is_known"),
    [
        pytest.param("a", None, True, id="a side"),
        pytest.param("a", "c", True, id="best and worst"),
        pytest.param("tie", None, True, id="a tie"),
        pytest.param("skip", None, True, id="a skip"),
        pytest.param("d", None, False, id="a side that the item lacks"),
        pytest.param("", None, False, id="nothing"),
        pytest.param("ab", None, False, id="two sides"),
        pytest.param("A", None, False, id="a capital"),
        pytest.param("a", "a", False, id="best and worst at once"),
        pytest.param("a", "", False, id="an empty worst one"),
        pytest.param("a", "d", False, id="a worst one that the item lacks"),
        pytest.param("unparsable", None, False, id="a word of judges"),
    ],
)
def test_what_can_be_said_of_three_answers(choice, worst, is_known):
    assert can_be_said(choice, worst, "abc") == is_known
