"""Preference pairs of people's labels."""

from dataclasses import replace

import pytest

from storage.tables.outcomes import PromptOutcome
from tasks.annotation.comparison_item import Response
from tasks.annotation.human_pairs import human_pairs
from tasks.annotation.params import CollectParams
from tests.tasks.annotation.figures.sayings import adjudicates, all_say, says
from tests.tasks.annotation.small_items import small_items

MAJORITY = CollectParams()


def made(items, said, params=MAJORITY):
    """Return the pairs of items, given what each of anna, ben, ... says of each."""
    labels = [
        label for item, words in zip(items, said, strict=True) for label in all_say(item, words)
    ]
    return human_pairs(items, labels, params)


def with_texts(item, *texts):
    responses = tuple(
        Response(completion_id=f"{item.prompt_id} {number} {text}", text=text)
        for number, text in enumerate(texts)
    )
    return replace(item, responses=responses)


def short(pairs):
    return [(pair.chosen, pair.rejected) for pair in pairs]


def test_a_pair_has_all_that_its_comparison_has():
    (item,) = small_items(1)
    (pair,) = made([item], ["b b a"]).pairs
    assert pair.messages == item.messages
    assert (pair.prompt_id, pair.source, pair.split, pair.origin) == (
        item.prompt_id,
        item.source,
        item.split,
        item.origin,
    )
    a, b = item.responses
    assert (pair.chosen, pair.chosen_id) == (b.text, b.completion_id)
    assert (pair.rejected, pair.rejected_id) == (a.text, a.completion_id)
    assert (pair.labeler_kind, pair.labeler) == ("human", "majority of 3")
    assert (pair.agreement, pair.margin) == (pytest.approx(2 / 3), pytest.approx(1 / 3))


def test_three_answers_give_all_implied_pairs():
    (item,) = small_items(1, num_responses=3)
    a, b, c = (response.text for response in item.responses)
    assert sorted(short(made([item], ["b>c"]).pairs)) == sorted([(b, a), (b, c), (a, c)])


@pytest.mark.parametrize(
    ("said", "aggregation", "labeler"),
    [
        pytest.param(["a", "b"], "majority", "anna", id="one alone"),
        pytest.param(["a", "b"], "dawid-skene", "anna", id="one alone has nobody to be weighed by"),
        pytest.param(["a skip", ". skip"], "majority", "anna", id="another one only skipped"),
        pytest.param(["a .", ". b"], "majority", "majority of 2", id="two share the queue"),
        pytest.param(["a a", "b b"], "dawid-skene", "dawid-skene of 2", id="two are weighed"),
    ],
)
def test_the_labeler_is_who_labelled_the_queue(said, aggregation, labeler):
    params = CollectParams(aggregation=aggregation)
    assert {pair.labeler for pair in made(small_items(2), said, params).pairs} == {labeler}


def test_what_was_adjudicated_is_the_adjudicators():
    first, second = small_items(2)
    labels = [*all_say(first, "a b"), *all_say(second, "a a"), adjudicates(first, "b")]
    by_them, by_most = human_pairs([first, second], labels, MAJORITY).pairs
    assert (by_them.labeler, by_them.agreement, by_them.margin) == ("admin", 0.5, None)
    assert (by_most.labeler, by_most.agreement, by_most.margin) == ("majority of 2", 1, 1)


def test_people_who_fail_gold_items_are_no_part_of_the_majority():
    item, gold = small_items(2, num_gold=1)
    labels = [*all_say(item, "b a a"), *all_say(gold, "a b b")]
    (pair,) = human_pairs([item, gold], labels, CollectParams(min_gold_accuracy=0.5)).pairs
    assert (pair.chosen, pair.labeler) == (item.responses[1].text, "anna")


def test_a_gold_item_gives_no_pair_and_no_outcome():
    item, gold = small_items(2, num_gold=1)
    found = made([item, gold], ["a", "both_bad"])
    assert short(found.pairs) == [(item.responses[0].text, item.responses[1].text)]
    assert found.dispreferred == ()
    assert [row.prompt_id for row in found.outcomes] == [item.prompt_id]


def test_answers_that_people_find_bad_are_dispreferred_once_for_each_text():
    one, other, fine = small_items(3)
    one = with_texts(one, "bad", "worse")
    other = replace(with_texts(other, "worse", "worst"), prompt_id=one.prompt_id)
    found = made([one, other, fine], ["both_bad both_bad a", "both_bad", "a"])
    assert [row.rejected for row in found.dispreferred] == ["bad", "worse", "worst"]
    assert {(row.prompt_id, row.origin, row.messages) for row in found.dispreferred} == {
        (one.prompt_id, one.origin, one.messages),
        (one.prompt_id, other.origin, other.messages),
    }
    assert len({row.dispreferred_id for row in found.dispreferred}) == 3
    assert [row.status for row in found.outcomes] == ["both-bad", "paired"]


def test_the_same_text_is_bad_for_each_prompt_apart():
    items = [with_texts(item, "bad", "worse") for item in small_items(2)]
    assert len(made(items, ["both_bad", "both_bad"]).dispreferred) == 4


@pytest.mark.parametrize(
    ("texts", "said", "pairs", "outcome"),
    [
        pytest.param([("x", "x")], ["a"], [], ("same-text", 0, 1, 0), id="one text twice"),
        pytest.param(
            [("x", "y"), ("x", "y")], ["a", "a"], [("x", "y")], ("paired", 1, 0, 0), id="said twice"
        ),
        pytest.param(
            [("x", "y"), ("y", "x")], ["a", "b"], [("x", "y")], ("paired", 1, 0, 0), id="the same"
        ),
        pytest.param(
            [("x", "y"), ("x", "y")], ["a", "b"], [], ("undecided", 0, 0, 2), id="the opposite"
        ),
        pytest.param(
            [("x", "y"), ("y", "x"), ("x", "z")],
            ["a", "a", "a"],
            [("x", "z")],
            ("paired", 1, 0, 2),
            id="the opposite beside a pair",
        ),
        pytest.param(
            [("x", "y", "x")], ["a>c"], [], ("undecided", 0, 1, 2), id="best and worst are one text"
        ),
        pytest.param(
            [("x", "y", "y")],
            ["a>c"],
            [("x", "y")],
            ("paired", 1, 1, 0),
            id="worst two are one text",
        ),
    ],
)
def test_two_texts_make_one_pair_or_none(texts, said, pairs, outcome):
    items = [with_texts(item, *words) for item, words in zip(small_items(9), texts, strict=False)]
    items = [replace(item, prompt_id="p") for item in items]
    found = made(items, said)
    (row,) = found.outcomes
    assert short(found.pairs) == pairs
    assert (row.status, row.num_pairs, row.num_same_text, row.num_undecided) == outcome


@pytest.mark.parametrize(
    ("said", "status"),
    [
        pytest.param(["a", "both_bad", "a b", "tie", "skip", ""], "paired", id="one pair"),
        pytest.param(["both_bad", "a b", "tie", "skip", ""], "both-bad", id="all bad"),
        pytest.param(["a b", "tie", "skip", ""], "undecided", id="no agreement"),
        pytest.param(["tie", "skip", ""], "tied", id="a tie"),
        pytest.param(["skip", ""], "skipped", id="only skips"),
        pytest.param([""], "pending", id="no label"),
    ],
)
def test_a_prompt_is_what_fits_first(said, status):
    items = [replace(item, prompt_id="p") for item in small_items(len(said))]
    for order in (1, -1):
        (row,) = made(items[::order], said[::order]).outcomes
        assert row.status == status


def test_an_outcome_counts_answers_labels_and_what_became_of_them():
    said = ["a a b", "a b", "tie", "both_bad", "skip", "", "b skip"]
    items = [replace(item, prompt_id="p") for item in small_items(7)]
    labels = [
        label for item, words in zip(items, said, strict=True) for label in all_say(item, words)
    ]
    labels.append(adjudicates(items[6], "tie"))
    shared = replace(items[1], responses=(items[0].responses[0], items[1].responses[1]))
    labels += all_say(shared, "a a")
    found = human_pairs([*items, shared], labels, MAJORITY)
    assert found.outcomes == (
        PromptOutcome(
            prompt_id="p",
            status="paired",
            num_completions=14,  # two of each item; the last one compares two of others again
            num_verdicts=3 + 2 + 1 + 1 + 0 + 0 + 2 + 2,
            num_pairs=2,
            num_ties=3,  # a tie, both bad, an adjudicated tie
            num_undecided=1,
            num_pending=2,  # a skip, nothing
        ),
    )


def test_prompts_keep_the_order_of_the_items():
    items = small_items(4)
    found = made(items, ["a", "", "tie", "b"])
    assert [row.prompt_id for row in found.outcomes] == [item.prompt_id for item in items]
    assert [pair.prompt_id for pair in found.pairs] == [items[0].prompt_id, items[3].prompt_id]


def test_no_items_are_no_pairs():
    found = human_pairs([], [], MAJORITY)
    assert (found.pairs, found.dispreferred, found.outcomes) == ((), (), ())


def test_a_label_of_another_queue_makes_no_pair():
    one, other = small_items(2)
    assert human_pairs([one], [says(other, "anna", "a")], MAJORITY).pairs == ()
