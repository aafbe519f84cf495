"""What the labels of several people come to."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.input_error import InputError
from tasks.annotation.figures.aggregate import aggregate
from tasks.annotation.params import CollectParams
from tests.tasks.annotation.figures.sayings import adjudicates, all_say, says
from tests.tasks.annotation.small_items import small_items

MAJORITY = CollectParams()
PAIR, TRIPLE, FOUR = (small_items(1, num_responses=number)[0] for number in (2, 3, 4))


def settled(item, choices, *, min_agreement=0.5, adjudication=None):
    labels = all_say(item, choices)
    if adjudication:
        labels.append(adjudicates(item, adjudication))
    (found,) = aggregate([item], labels, CollectParams(min_agreement=min_agreement))
    return found


def orders(found):
    return {
        preference.chosen + preference.rejected: (
            pytest.approx(preference.agreement),
            preference.margin if preference.margin is None else pytest.approx(preference.margin),
        )
        for preference in found.preferences
    }


@pytest.mark.parametrize(
    ("choices", "min_agreement", "status", "expected"),
    [
        pytest.param("a", 0.5, "preferred", {"ab": (1, 1)}, id="one label"),
        pytest.param("b b a", 0.5, "preferred", {"ba": (2 / 3, 1 / 3)}, id="two to one"),
        pytest.param("b b a", 2 / 3, "undecided", {}, id="two to one is not more than two thirds"),
        pytest.param("a b", 0.5, "undecided", {}, id="two who disagree"),
        pytest.param("a b", 0.0, "undecided", {}, id="two leaders are none"),
        pytest.param("a tie", 0.5, "undecided", {}, id="one side, one tie"),
        pytest.param("a tie", 0.0, "undecided", {}, id="a tie leads as well"),
        pytest.param("a a b tie", 0.5, "undecided", {}, id="half is not more than half"),
        pytest.param("a a b tie", 0.4, "preferred", {"ab": (1 / 2, 1 / 4)}, id="a plurality"),
        pytest.param("tie tie a", 0.5, "tie", {}, id="most say a tie"),
        pytest.param("both_bad both_bad a", 0.5, "both-bad", {}, id="most say both bad"),
        pytest.param("tie both_bad", 0.5, "undecided", {}, id="a tie is not both bad"),
        pytest.param("tie both_bad tie", 0.7, "undecided", {}, id="too few say a tie"),
        pytest.param("skip a skip", 0.5, "preferred", {"ab": (1, 1)}, id="skips are no votes"),
        pytest.param("skip skip", 0.5, "skipped", {}, id="only skips"),
        pytest.param("", 0.5, "pending", {}, id="nothing"),
    ],
)
def test_two_answers(choices, min_agreement, status, expected):
    found = settled(PAIR, choices, min_agreement=min_agreement)
    assert (found.status, orders(found)) == (status, expected)
    assert found.num_labels == len([choice for choice in choices.split() if choice != "skip"])


@pytest.mark.parametrize(
    ("item", "choices", "min_agreement", "status", "expected"),
    [
        pytest.param(
            TRIPLE,
            "a>c",
            0.5,
            "preferred",
            dict.fromkeys(["ab", "ac", "bc"], (1, 1)),
            id="one label",
        ),
        pytest.param(
            TRIPLE,
            "a>c a>b c>b",
            0.5,
            "preferred",
            # all say ab, the first two ac, the first one bc and the other two cb
            {"ab": (1, 1), "ac": (2 / 3, 1 / 3), "cb": (2 / 3, 1 / 3)},
            id="three people",
        ),
        pytest.param(
            TRIPLE,
            "a>c b>a c>b",
            0.5,
            "preferred",
            # the first and the third say ab, the first two bc, the last two ca
            dict.fromkeys(["ab", "bc", "ca"], (2 / 3, 1 / 3)),
            id="majorities go in a circle",
        ),
        pytest.param(TRIPLE, "a>c c>a", 0.5, "undecided", {}, id="two who say the opposite"),
        pytest.param(
            TRIPLE, "a>c a>b", 0.5, "preferred", {"ab": (1, 1), "ac": (1, 1)}, id="one best"
        ),
        pytest.param(
            FOUR,
            "a>d a>d b>d",
            0.5,
            "preferred",
            # the first two say ab and ac, the third ba and bc: one of three is too few for bc
            {
                "ab": (2 / 3, 1 / 3),
                "ac": (2 / 3, 2 / 3),
                "ad": (1, 1),
                "bd": (1, 1),
                "cd": (1, 1),
            },
            id="four, two of which most people do not order",
        ),
        pytest.param(
            TRIPLE, "a>c tie", 0.5, "undecided", {}, id="a tie orders nothing, and half is too few"
        ),
        pytest.param(TRIPLE, "a>c tie tie", 0.5, "tie", {}, id="most say a tie"),
        pytest.param(TRIPLE, "a>c tie tie", 0.0, "tie", {}, id="no order has more than a tie"),
        pytest.param(TRIPLE, "both_bad b>c both_bad", 0.5, "both-bad", {}, id="most say all bad"),
        pytest.param(
            TRIPLE, "a", 0.5, "preferred", {"ab": (1, 1), "ac": (1, 1)}, id="no worst one named"
        ),
    ],
)
def test_more_answers(item, choices, min_agreement, status, expected):
    found = settled(item, choices, min_agreement=min_agreement)
    assert (found.status, orders(found)) == (status, expected)


@pytest.mark.parametrize(
    ("item", "choices", "adjudication", "status", "expected"),
    [
        pytest.param(
            PAIR, "a b", "b", "preferred", {"ba": (1 / 2, None)}, id="of two who disagree"
        ),
        pytest.param(PAIR, "a a", "b", "preferred", {"ba": (0, None)}, id="against all"),
        pytest.param(PAIR, "skip", "a", "preferred", {"ab": (1, None)}, id="where all skipped"),
        pytest.param(PAIR, "", "a", "preferred", {"ab": (1, None)}, id="where nobody was asked"),
        pytest.param(PAIR, "a a b", "tie", "tie", {}, id="a tie"),
        pytest.param(PAIR, "a a b", "both_bad", "both-bad", {}, id="both bad"),
        pytest.param(
            PAIR, "a a b", "skip", "preferred", {"ab": (2 / 3, 1 / 3)}, id="a skip is none"
        ),
        pytest.param(
            TRIPLE,
            "a>c b>c",
            "b>c",
            "preferred",
            {"ba": (1 / 2, None), "bc": (1, None), "ac": (1, None)},
            id="of three",
        ),
    ],
)
@pytest.mark.parametrize("min_agreement", [0.0, 0.5, 0.99])
def test_an_adjudication_settles_an_item_alone(
    item, choices, adjudication, status, expected, min_agreement
):
    if adjudication == "skip":
        min_agreement = 0.5
    found = settled(item, choices, adjudication=adjudication, min_agreement=min_agreement)
    assert (found.status, orders(found)) == (status, expected)
    assert found.adjudicator == ("" if adjudication == "skip" else "admin")


def test_the_last_adjudication_holds():
    labels = [adjudicates(PAIR, "a"), adjudicates(PAIR, "b", "other"), *all_say(PAIR, "a a")]
    (found,) = aggregate([PAIR], labels[::-1], MAJORITY)
    assert (found.adjudicator, orders(found)) == ("other", {"ba": (0, None)})


def test_who_adjudicates_what_they_labelled_has_said_two_things():
    labels = [says(PAIR, "anna", "a"), says(PAIR, "ben", "b"), adjudicates(PAIR, "a", "anna")]
    (found,) = aggregate([PAIR], labels, MAJORITY)
    assert (found.num_labels, orders(found)) == (2, {"ab": (1 / 2, None)})


def test_of_two_labels_of_one_person_the_later_one_counts():
    first, second = says(PAIR, "anna", "a"), says(PAIR, "anna", "b")
    (found,) = aggregate([PAIR], [second, first], MAJORITY)
    assert (found.num_labels, orders(found)) == (1, {"ba": (1, 1)})


def test_what_somebody_skipped_in_the_end_they_did_not_vote_on():
    (found,) = aggregate([PAIR], [says(PAIR, "anna", "a"), says(PAIR, "anna", "skip")], MAJORITY)
    assert (found.status, found.num_labels) == ("skipped", 0)


def test_items_keep_their_order_and_gold_items_are_left_out():
    items = small_items(5, num_gold=2)
    labels = [says(item, "anna", "b") for item in items[::-1]]
    found = aggregate(items, labels, MAJORITY)
    assert [row.item for row in found] == items[:3]


def test_a_label_that_measured_who_gave_it_is_no_vote():
    (found,) = aggregate([PAIR], [says(PAIR, "anna", "a", is_gold=True)], MAJORITY)
    assert found.status == "pending"


def test_labels_of_other_items_count_nowhere():
    other, item = small_items(2)
    (found,) = aggregate([item], [says(other, "anna", "a")], MAJORITY)
    assert found.status == "pending"


@pytest.mark.parametrize(
    ("choice", "worst"), [("c", None), ("ab", None), ("", None), ("good", None)]
)
def test_what_cannot_be_said_is_refused_with_its_place(choice, worst):
    label = replace(says(PAIR, "anna", "a"), choice=choice, worst=worst)
    with pytest.raises(InputError, match=f"'anna' chose '{choice}'.*{PAIR.item_id}.*sides a, b"):
        aggregate([PAIR], [label], MAJORITY)


def test_labels_of_who_fails_gold_items_are_not_counted():
    """Anna has 1 of 2 gold items right, Ben 2 of 2, Carl was asked none."""
    *ordinary, first, second = small_items(3, num_gold=2)
    (item,) = ordinary
    labels = [
        *all_say(first, "a a ."),
        *all_say(second, "b a ."),
        *all_say(item, "a b b"),
    ]
    votes = {
        needed: aggregate([item, first, second], labels, CollectParams(min_gold_accuracy=needed))[0]
        for needed in (0.0, 0.5, 0.51)
    }
    assert {needed: row.num_labels for needed, row in votes.items()} == {0.0: 3, 0.5: 3, 0.51: 2}
    assert orders(votes[0.51]) == {"ba": (1, 1)}


CHOICES = {
    sides: [
        *(f"{best}>{worst}" for best, worst in permutations(sides, 2)),
        *sides,
        "tie",
        "both_bad",
        "skip",
    ]
    for sides in ("ab", "abc", "abcd")
}


def renamed(choice, names):
    return "".join(names.get(letter, letter) for letter in choice) if len(choice) < 4 else choice


def with_names(item, order):
    """Return the item with its sides in another order, and the new name of each side."""
    responses = tuple(item.responses[item.sides.index(letter)] for letter in order)
    return replace(item, responses=responses), dict(zip(order, item.sides, strict=True))


@pytest.mark.parametrize("aggregation", ["majority", "dawid-skene"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_which_answer_has_which_name_changes_nothing(aggregation, data):
    """Renaming the sides of any items renames what comes of them."""
    num_sides = data.draw(st.integers(2, 4))
    items = small_items(data.draw(st.integers(1, 6)), num_responses=num_sides)
    params = CollectParams(aggregation=aggregation)
    labels, other_labels, others, names = [], [], [], []
    for item in items:
        order = data.draw(st.permutations(item.sides).map("".join))
        other, of_other = with_names(item, order)
        others.append(other)
        names.append(of_other)
        for person in ("anna", "ben", "carl"):
            choice = data.draw(st.sampled_from(CHOICES[item.sides]))
            if num_sides == 2:
                choice = choice.partition(">")[0]
            labels.append(says(item, person, choice))
            other_labels.append(says(other, person, renamed(choice, of_other)))
    found, other = aggregate(items, labels, params), aggregate(others, other_labels, params)
    for row, renamed_row, of_other in zip(found, other, names, strict=True):
        assert renamed_row.status == row.status
        expected = {renamed(order, of_other): known for order, known in orders(row).items()}
        assert orders(renamed_row) == expected


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_order_of_labels_changes_nothing(data):
    items = small_items(4)
    labels = [
        says(item, person, data.draw(st.sampled_from(["a", "b", "tie", "both_bad", "skip"])))
        for item in items
        for person in ("anna", "ben", "carl")
    ]
    shuffled = data.draw(st.permutations(labels))
    assert aggregate(items, shuffled, MAJORITY) == aggregate(items, labels, MAJORITY)
