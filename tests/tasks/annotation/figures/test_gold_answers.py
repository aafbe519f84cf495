"""Who got which gold item right."""

from dataclasses import replace

import pytest

from tasks.annotation.figures.gold_answers import GoldAnswer, gold_answers, trusted_labels
from tests.tasks.annotation.figures.sayings import adjudicates, all_say, says
from tests.tasks.annotation.small_items import small_items

ORDINARY, GOLD = small_items(2, num_gold=1)
GOLD_TIE = replace(GOLD, gold="tie")


@pytest.mark.parametrize(
    ("item", "choice", "is_right"),
    [
        pytest.param(GOLD, "a", True, id="the best side"),
        pytest.param(GOLD, "b", False, id="the other one"),
        pytest.param(GOLD, "tie", False, id="a tie where one is best"),
        pytest.param(GOLD, "both_bad", False, id="both bad where one is best"),
        pytest.param(GOLD_TIE, "tie", True, id="a tie"),
        pytest.param(GOLD_TIE, "both_bad", True, id="both bad where neither is better"),
        pytest.param(GOLD_TIE, "a", False, id="a side where neither is better"),
    ],
)
def test_what_is_right(item, choice, is_right):
    found = gold_answers([ORDINARY, item], [says(item, "anna", choice)])
    assert found == [GoldAnswer("anna", item.prompt_id, is_right)]


def test_skips_adjudications_and_ordinary_items_are_no_answers():
    labels = [says(GOLD, "anna", "skip"), adjudicates(GOLD, "b"), says(ORDINARY, "anna", "b")]
    assert gold_answers([ORDINARY, GOLD], labels) == []


def test_who_changed_their_mind_answered_once():
    labels = [says(GOLD, "anna", "b"), says(GOLD, "anna", "a")]
    assert [answer.is_right for answer in gold_answers([GOLD], labels)] == [True]


def test_who_adjudicates_is_trusted_when_they_do():
    labels = [
        *all_say(GOLD, "b a"),
        *all_say(ORDINARY, "b a"),
        adjudicates(ORDINARY, "b", "anna"),
    ]
    trusted = trusted_labels([ORDINARY, GOLD], labels, 0.5)
    assert trusted == [labels[1], labels[3], labels[4]]
    assert trusted_labels([ORDINARY, GOLD], labels, 0.0) == labels
