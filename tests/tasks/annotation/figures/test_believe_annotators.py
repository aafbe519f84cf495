"""Labels weighed by how reliable who gave them is."""

import random

import pytest

from tasks.annotation.figures.aggregate import aggregate
from tasks.annotation.figures.believe_annotators import believe_annotators
from tasks.annotation.figures.said_about import said_about
from tasks.annotation.params import CollectParams
from tests.tasks.annotation.figures.sayings import adjudicates, all_say, says
from tests.tasks.annotation.small_items import small_items

WEIGHED = CollectParams(aggregation="dawid-skene")


def many_labels(items, accuracies, seed=0):
    """Return what is true of each item, and labels of people who err to another best and worst."""
    draw = random.Random(seed)
    true, labels = [], []
    for item in items:
        order = draw.sample(item.sides, len(item.sides))
        true.append("".join(order))
        for number, accuracy in enumerate(accuracies):
            said = order if draw.random() < accuracy else draw.sample(order, len(order))
            worst = f">{said[-1]}" if len(said) > 2 else ""
            labels.append(says(item, f"p{number}", f"{said[0]}{worst}"))
    return true, labels


def share_right(found, true):
    """Return the share of best-to-worst orders that came out as they are."""
    expected = [order[0] + order[-1] for order in true]
    orders = [
        {preference.chosen + preference.rejected for preference in row.preferences} for row in found
    ]
    return sum(order in known for order, known in zip(expected, orders, strict=True)) / len(true)


@pytest.mark.parametrize("num_responses", [2, 3, 4])
def test_two_good_annotators_outweigh_three_who_often_guess(num_responses):
    """By counting the three win too often."""
    items = small_items(300, num_responses=num_responses)
    true, labels = many_labels(items, [0.95, 0.9, 0.2, 0.2, 0.2])
    by_counting = share_right(aggregate(items, labels, CollectParams()), true)
    weighed = share_right(aggregate(items, labels, WEIGHED), true)
    assert weighed > 0.93
    assert by_counting < weighed - 0.05
    believed = believe_annotators(said_about(items, labels))
    reliability = [believed.reliability[f"p{number}"] for number in range(5)]
    assert min(reliability[:2]) > 0.9
    assert max(reliability[2:]) < 0.75


def test_all_items_of_a_queue_tell_of_their_annotators_whatever_their_size():
    """Two labels of an item of three answers disagree; who is better shows in items of two."""
    *pairs, triple = [*small_items(60), *small_items(61, num_responses=3)[60:]]
    _, labels = many_labels(pairs, [0.97, 0.97, 0.2])
    contested = [says(triple, "p0", "a>c"), says(triple, "p2", "c>a")]
    *_, found = aggregate([*pairs, triple], [*labels, *contested], WEIGHED)
    assert {preference.chosen + preference.rejected for preference in found.preferences} == {
        "ab",
        "ac",
        "bc",
    }
    assert all(preference.margin > 0.5 for preference in found.preferences)
    assert all(preference.agreement == 0.5 for preference in found.preferences)


@pytest.mark.parametrize("num_responses", [2, 3])
@pytest.mark.parametrize(("said", "status"), [("tie", "tie"), ("both_bad", "both-bad")])
def test_what_all_call_a_tie_or_bad_is_that(num_responses, said, status):
    items = small_items(20, num_responses=num_responses)
    _, labels = many_labels(items[1:], [0.9, 0.9, 0.9])
    labels += [says(items[0], f"p{number}", said) for number in range(3)]
    first, *_ = aggregate(items, labels, WEIGHED)
    assert (first.status, first.preferences) == (status, ())


@pytest.mark.parametrize("aggregation", ["majority", "dawid-skene"])
def test_what_was_skipped_or_not_labelled_is_that(aggregation):
    first, second, third = small_items(3)
    labels = [*all_say(first, "a a"), *all_say(second, "skip skip")]
    found = aggregate([first, second, third], labels, CollectParams(aggregation=aggregation))
    assert [row.status for row in found] == ["preferred", "skipped", "pending"]


@pytest.mark.parametrize("choices", ["", "a", "skip", "a skip"])
def test_with_fewer_than_two_annotators_labels_are_counted(choices):
    items = small_items(2)
    labels = [label for item in items for label in all_say(item, choices)]
    assert believe_annotators(said_about(items, labels)) is None
    assert aggregate(items, labels, WEIGHED) == aggregate(items, labels, CollectParams())


def test_a_pair_needs_the_probability_that_is_asked_for():
    """Two who agree in nine of ten items are believed where they agree, and not where they do not."""
    items = small_items(30)
    labels = [
        label
        for number, item in enumerate(items)
        for label in all_say(item, "a b" if number % 10 == 0 else "b b")
    ]
    found = aggregate(items, labels, CollectParams(aggregation="dawid-skene", min_agreement=0.95))
    statuses = [row.status for row in found]
    assert statuses == ["undecided" if number % 10 == 0 else "preferred" for number in range(30)]


@pytest.mark.parametrize("said", ["a a a", "b a skip", ""])
def test_what_was_adjudicated_is_not_weighed(said):
    items = small_items(20)
    _, labels = many_labels(items[1:], [0.9, 0.9, 0.9])
    labels += [*all_say(items[0], said), adjudicates(items[0], "b")]
    counted, *_ = aggregate(items, labels, CollectParams())
    weighed, *_ = aggregate(items, labels, WEIGHED)
    assert weighed == counted
    assert [preference.chosen for preference in weighed.preferences] == ["b"]


def test_support_of_an_item_sums_to_one_for_every_two_answers():
    items = small_items(40, num_responses=4)
    _, labels = many_labels(items, [0.9, 0.6, 0.4])
    believed = believe_annotators(said_about(items, labels))
    for support in believed.support.values():
        assert support["ab"] + support["ba"] + support["tie"] + support["both_bad"] <= 1 + 1e-9
        assert min(support.values()) >= 0
