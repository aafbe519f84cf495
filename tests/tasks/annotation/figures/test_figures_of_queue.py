"""What the admin page shows about a queue."""

import random
from dataclasses import asdict, replace

import duckdb
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from storage.input_error import InputError
from tasks.annotation.figures.figures_of_queue import queue_figures
from tests.tasks.annotation.figures.sayings import adjudicates, all_say, made_queue, says
from tests.tasks.annotation.small_items import small_items

LETTERS = str.maketrans("012345", "fabcde")
NOTHING = (None, None, None, 0, 0, 0)


def of_observers(*observers, num_responses=6):
    """Return figures of strings, one a person, one letter an item, a dot where nothing is said."""
    items = small_items(len(observers[0]), num_responses=num_responses)
    of_items = zip(items, zip(*observers, strict=True), strict=True)
    labels = [label for item, said in of_items for label in all_say(item, " ".join(said))]
    return queue_figures(items, labels)


def person(figures, name):
    return next(row for row in figures.annotators if row.annotator == name)


def counted(figure):
    return (figure.count, figure.num)


@pytest.mark.parametrize(
    ("observers", "alpha", "cases"),
    [
        pytest.param(
            ["123321412...", "1233224125.3", ".3332342251.", "12332441251."],
            0.743,
            None,
            id="four observers, twelve units, values missing",
        ),
        pytest.param(["0100000010", "1110010000"], 0.095, (6, 10), id="two of two categories"),
        pytest.param(["aabbdcccedda", "babbbccceddd"], 0.692, (9, 12), id="two of five categories"),
    ],
)
def test_alpha_is_that_of_krippendorffs_worked_examples(observers, alpha, cases):
    """Computing Krippendorff's Alpha-Reliability (2011), sections A to C; its values as letters."""
    figures = of_observers(*(observer.translate(LETTERS) for observer in observers))
    assert figures.alpha.value == pytest.approx(alpha, abs=5e-4)
    assert figures.alpha.low < alpha < figures.alpha.high
    if cases:
        assert counted(figures.alpha) == cases


def test_alpha_worked_by_hand_with_ties_and_skips():
    """Items: a a, a tie, tie tie, both_bad alone, a skip; the last two have no pair.

    Of six values four match; three a and three ties: chance (3 * 2 + 3 * 2) / (6 * 5) = 2 / 5, so
    (2 / 3 - 2 / 5) / (1 - 2 / 5) = 4 / 9. Of three pairs of labels two agree.
    """
    items = small_items(5)
    said = ["a a", "a tie", "tie tie", "both_bad", "a skip"]
    labels = [
        label for item, words in zip(items, said, strict=True) for label in all_say(item, words)
    ]
    alpha = queue_figures(items, labels).alpha
    assert alpha.value == pytest.approx(4 / 9)
    assert (counted(alpha), alpha.num_prompts) == ((2, 3), 3)


def test_items_of_one_prompt_are_one_prompt_of_every_interval():
    items = [
        replace(item, prompt_id=f"p{number // 5}") for number, item in enumerate(small_items(20))
    ]
    labels = [
        label
        for number, item in enumerate(items)
        for label in all_say(item, ("a a", "a b", "b b", "tie a")[number % 4])
    ]
    figures = queue_figures(items, labels)
    (pair,) = figures.pairs
    anna = person(figures, "anna")
    for figure in (figures.alpha, pair.kappa, anna.first_shown_share, anna.agreement_with_others):
        assert figure.num_prompts == 4


def test_people_worked_by_hand():
    """Anna's choices: the answer shown first, the one shown second, the one shown first.

    Ben labelled the same three items, and says the same of two; Carl says the same of one. Of four
    labels of others three are Anna's.
    """
    *items, gold, other = small_items(8, num_gold=2)
    said = ["a", "a", "b", "tie", "both_bad", "skip"]
    shown = ["ab", "ba", "ba", "ab", "ba", "ab"]
    seconds = [1.0, 2.0, 3.0, 4.0, 30.0, 1_000.0]
    labels = [
        says(item, "anna", choice, shown_order=order, seconds=taken)
        for item, choice, order, taken in zip(items, said, shown, seconds, strict=True)
    ]
    labels += [says(items[0], "ben", "a"), says(items[1], "ben", "b"), says(items[2], "ben", "b")]
    labels += [says(items[0], "carl", "a"), says(items[5], "carl", "skip")]
    labels += [says(gold, "anna", "a"), says(other, "anna", "b", seconds=500.0)]
    figures = queue_figures([*items, gold, other], labels)
    anna, carl = person(figures, "anna"), person(figures, "carl")
    assert [row.annotator for row in figures.annotators] == ["anna", "ben", "carl"]
    assert (anna.num_labels, anna.num_skips, carl.num_labels, carl.num_skips) == (5, 1, 1, 1)
    assert (anna.median_seconds, anna.per_hour) == (3.0, 3_600 / 8)
    assert (counted(anna.first_shown_share), anna.first_shown_share.value) == ((2, 3), 2 / 3)
    assert (counted(anna.agreement_with_others), anna.agreement_with_others.value) == ((3, 4), 0.75)
    assert (counted(anna.gold_accuracy), anna.gold_accuracy.value) == ((1, 2), 0.5)
    assert (counted(carl.agreement_with_others), counted(carl.gold_accuracy)) == ((2, 2), (0, 0))
    assert figures.choices == (
        ("first", 2 + 1 + 1),
        ("second", 1 + 2),
        ("later", 0),
        ("tie", 1),
        ("both_bad", 1),
        ("skip", 1 + 1),
    )


def test_of_more_answers_the_place_is_counted_but_tells_of_no_side():
    (item,) = small_items(1, num_responses=4)
    labels = [
        says(item, name, "c>a", shown_order=shown)
        for name, shown in (("anna", "cabd"), ("ben", "acbd"), ("carl", "abcd"), ("dora", "abdc"))
    ]
    figures = queue_figures([item], labels)
    assert figures.choices[:3] == (("first", 1), ("second", 1), ("later", 2))
    assert tuple(asdict(person(figures, "anna").first_shown_share).values()) == NOTHING
    assert counted(person(figures, "anna").agreement_with_others) == (3, 3)


def test_where_nobody_knows_what_was_shown_first_nothing_is_counted():
    (item,) = small_items(1)
    figures = queue_figures([item], [says(item, "anna", "a", shown_order="", seconds=0.0)])
    (anna,) = figures.annotators
    assert sum(number for _, number in figures.choices) == 0
    assert (anna.num_labels, anna.per_hour, counted(anna.first_shown_share)) == (1, None, (0, 0))


def test_a_queue_without_labels_has_figures_without_values():
    figures = queue_figures(small_items(3, num_gold=1), [])
    assert tuple(asdict(figures.alpha).values()) == NOTHING
    assert (figures.annotators, figures.pairs, figures.judges, figures.conflicts) == (
        (),
        (),
        (),
        (),
    )
    assert set(dict(figures.choices).values()) == {0}
    assert queue_figures([], []) == figures


def test_who_only_skipped_or_answered_gold_items_is_there():
    item, gold = small_items(2, num_gold=1)
    figures = queue_figures([item, gold], [says(item, "anna", "skip"), says(gold, "ben", "b")])
    anna, ben = figures.annotators
    assert (anna.annotator, anna.num_labels, anna.num_skips) == ("anna", 0, 1)
    assert (ben.annotator, ben.num_labels, counted(ben.gold_accuracy)) == ("ben", 0, (0, 1))
    assert anna.median_seconds is anna.per_hour is anna.reliability is None


def test_who_only_adjudicates_is_no_annotator():
    (item,) = small_items(1)
    labels = [*all_say(item, "a b"), adjudicates(item, "a")]
    figures = queue_figures([item], labels)
    assert [row.annotator for row in figures.annotators] == ["anna", "ben"]
    assert counted(figures.alpha) == (0, 1)


def test_reliability_needs_two_annotators():
    items = small_items(3)
    alone = [says(item, "anna", "a") for item in items]
    assert queue_figures(items, alone).annotators[0].reliability is None
    both = [*alone, *(says(item, "ben", "a") for item in items)]
    assert [row.reliability for row in queue_figures(items, both).annotators] == [1.0, 1.0]


def test_pairs_of_people_are_those_with_the_most_common_items():
    """Of eight people and one more there are 36 pairs; one pair has no common item."""
    items = small_items(40)
    people = "abcdefgh"
    labels = [
        says(item, name, "a" if number % (place + 2) else "b")
        for number, item in enumerate(items)
        for place, name in enumerate(people)
        if number < 40 - place
    ]
    labels += [says(items[0], "x", "a")]
    pairs = queue_figures(items, labels).pairs
    assert len(pairs) == 28
    assert [(pair.first, pair.second) for pair in pairs[:3]] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [pair.kappa.num for pair in pairs] == sorted(
        (pair.kappa.num for pair in pairs), reverse=True
    )
    assert "x" not in {pair.second for pair in pairs}


@pytest.mark.parametrize(
    ("said", "share"),
    [
        pytest.param("a b", 1 / 2, id="two sides"),
        pytest.param("a tie a", 2 / 3, id="a side and a tie"),
        pytest.param("tie both_bad skip", 1 / 2, id="a tie and both bad"),
        pytest.param("a a", None, id="all say the same"),
        pytest.param("a skip", None, id="a skip says nothing"),
        pytest.param("a", None, id="one label"),
    ],
)
def test_a_conflict_is_two_different_choices(said, share):
    (item,) = small_items(1)
    found = queue_figures([item], all_say(item, said)).conflicts
    assert [conflict.share for conflict in found] == ([] if share is None else [share])


def test_conflicts_come_least_agreed_first_with_all_that_was_said():
    items = small_items(4)
    labels = [
        *all_say(items[0], "a a b"),
        *all_say(items[1], "a b tie"),
        *all_say(items[2], "a b tie"),
        adjudicates(items[2], "a"),
        *all_say(items[3], "a b"),
        says(items[3], "zoe", "skip", note="both copied"),
    ]
    found = queue_figures(items, labels).conflicts
    assert [conflict.item_id for conflict in found] == [
        items[1].item_id,
        items[3].item_id,
        items[0].item_id,
    ]
    assert found[1].said == (("anna", "a", ""), ("ben", "b", ""), ("zoe", "skip", "both copied"))


def test_a_judge_against_people_worked_by_hand():
    """Judge a: people a, a, b by two to one, a tie as one to one; judge tie: people both bad.

    Observed 3 of 5; chance: the judge 4 a and 1 tie, people 2 a, 1 b, 2 ties: (8 + 0 + 2) / 25.
    """
    said = ["a", "a a b", "b b a", "a b", "both_bad", "skip", "a"]
    judged = ["a", "a", "a", "a", "tie", "a", None]
    items = [
        replace(item, judge="llm:m", judged=of_judge)
        for item, of_judge in zip(small_items(7), judged, strict=True)
    ]
    labels = [
        label for item, words in zip(items, said, strict=True) for label in all_say(item, words)
    ]
    (judge,) = queue_figures(items, labels).judges
    assert (judge.judge, judge.categories) == ("llm:m", ("a", "b", "tie"))
    assert judge.counts == ((2, 1, 1), (0, 0, 0), (0, 0, 1))
    assert counted(judge.kappa) == (3, 5)
    assert judge.kappa.value == pytest.approx((3 / 5 - 10 / 25) / (1 - 10 / 25))


def test_judges_are_apart_and_an_adjudication_is_what_people_say():
    first, second, third = small_items(3)
    three = small_items(4, num_responses=3)[3]
    items = [
        replace(first, judge="z", judged="a"),
        replace(second, judge="b", judged="b"),
        third,
        replace(three, judge="b", judged="b"),
    ]
    labels = [label for item in items for label in all_say(item, "a a")]
    labels.append(adjudicates(items[1], "b"))
    judges = queue_figures(items, labels).judges
    assert [(judge.judge, judge.counts) for judge in judges] == [
        ("b", ((0, 0, 0), (0, 1, 0), (0, 0, 0))),
        ("z", ((1, 0, 0), (0, 0, 0), (0, 0, 0))),
    ]


def test_what_no_judge_said_and_more_than_two_answers_tell_of_no_judge():
    first, second = small_items(2)
    (three,) = small_items(1, num_responses=3)
    assert three.responses[:2] == first.responses
    items = [
        replace(first, judged="a"),
        replace(second, judge="m"),
        replace(three, judge="m", judged="a"),
    ]
    labels = [label for item in items for label in all_say(item, "a")]
    assert queue_figures(items, labels).judges == ()


def test_what_cannot_be_said_is_refused():
    (item,) = small_items(1)
    with pytest.raises(InputError, match="'anna' chose 'c'"):
        queue_figures([item], [says(item, "anna", "c")])


TOLD = """
select case when choice in ('tie', 'both_bad', 'skip') then choice
            when substr(shown_order, 1, 1) = choice then 'first' else 'second' end as told, count(*)
from ordinary group by all
"""
PEOPLE = """
select annotator, count_if(choice <> 'skip'), count_if(choice = 'skip'),
    median(seconds) filter (choice <> 'skip'), 3600 / avg(seconds) filter (choice <> 'skip'),
    count_if(choice in ('a', 'b') and shown_order[1] = choice), count_if(choice in ('a', 'b'))
from ordinary group by annotator order by annotator
"""
OTHERS = """
select one.annotator, count_if(one.choice = other.choice), count(*)
from votes as one join votes as other using (comparison_id)
where one.annotator <> other.annotator group by one.annotator order by one.annotator
"""
GOLD = """
select annotator, count_if(choice = 'a'), count(*)
from labels where is_gold and choice <> 'skip' group by annotator order by annotator
"""
PAIRS = """
select one.annotator, other.annotator, list(one.choice order by comparison_id),
    list(other.choice order by comparison_id)
from votes as one join votes as other using (comparison_id)
where one.annotator < other.annotator group by all order by count(*) desc, 1, 2
"""
CONFUSION = """
with counts as (
    select comparison_id, if(choice = 'both_bad', 'tie', choice) as said, count(*) as n from votes
    where comparison_id not in (select comparison_id from settled) group by all
), most as (
    select comparison_id, arg_max(said, n) as said, max(n) as n from counts group by comparison_id
), people as (
    select comparison_id, if(2 > (select count(*) from counts as c
        where c.comparison_id = most.comparison_id and c.n = most.n), said, 'tie') as said
    from most union all select comparison_id, if(choice = 'both_bad', 'tie', choice) from settled
)
select judge, judged, said, count(*) from items join people using (comparison_id) group by all
"""
CONFLICTS = """
select comparison_id from votes
where comparison_id not in (select comparison_id from settled)
group by comparison_id having count(distinct choice) > 1
"""


@pytest.fixture(scope="module")
def made():
    items, labels = made_queue(400, 9, 3, seed=1)
    return queue_figures(items, labels), items, labels


@pytest.fixture(scope="module")
def recount(made):
    _, items, labels = made
    known = [
        {"comparison_id": item.item_id, "judge": item.judge, "judged": item.judged}
        for item in items
        if item.gold is None
    ]
    with duckdb.connect() as connection:
        connection.register("labels", pd.DataFrame([asdict(label) for label in labels]))
        connection.register("items", pd.DataFrame(known))
        connection.execute(
            "create view ordinary as from labels where not is_gold and not is_adjudication;"
            "create view votes as from ordinary where choice <> 'skip';"
            "create view settled as from labels where is_adjudication"
        )
        yield lambda query: connection.sql(query).fetchall()


def test_every_count_is_that_of_sql(made, recount):
    figures, _, _ = made
    assert {told: number for told, number in figures.choices if number} == dict(recount(TOLD))
    found = [
        (
            row.annotator,
            row.num_labels,
            row.num_skips,
            pytest.approx(row.median_seconds),
            pytest.approx(row.per_hour),
            *counted(row.first_shown_share),
        )
        for row in figures.annotators
    ]
    assert found == recount(PEOPLE)
    for field, query in (("agreement_with_others", OTHERS), ("gold_accuracy", GOLD)):
        found = [(row.annotator, *counted(getattr(row, field))) for row in figures.annotators]
        assert found == recount(query)


def test_the_kappa_of_every_pair_is_that_of_scikit_learn(made, recount):
    figures, _, _ = made
    expected = recount(PAIRS)
    assert len(expected) == 36
    for pair, (first, second, one, other) in zip(figures.pairs, expected, strict=False):
        assert (pair.first, pair.second, pair.kappa.num) == (first, second, len(one))
        assert pair.kappa.value == pytest.approx(cohen_kappa_score(one, other))
        assert pair.kappa.count == sum(a == b for a, b in zip(one, other, strict=True))


def test_the_confusion_of_every_judge_is_that_of_sql(made, recount):
    figures, _, _ = made
    cells = {(judge, judged, said): number for judge, judged, said, number in recount(CONFUSION)}
    assert [judge.judge for judge in figures.judges] == ["one", "two"]
    for judge in figures.judges:
        expected = tuple(
            tuple(cells.get((judge.judge, judged, said), 0) for said in judge.categories)
            for judged in judge.categories
        )
        assert judge.counts == expected


def test_conflicts_are_those_of_sql(made, recount):
    figures, _, _ = made
    assert {row.item_id for row in figures.conflicts} == {row for (row,) in recount(CONFLICTS)}


def test_the_order_of_labels_changes_no_figure(made):
    figures, items, labels = made
    assert queue_figures(items, random.Random(0).sample(labels, len(labels))) == figures
