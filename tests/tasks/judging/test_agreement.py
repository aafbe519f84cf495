"""Position, length, flips, ties and agreement with people, of each judge."""

import json
import random
import time
from dataclasses import astuple, fields, replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from tasks.judging.agreement import CATEGORIES, JudgeAgreement, agreement
from tasks.judging.judged_comparison import JudgedComparison
from tasks.judging.kappa import ClusteredFigure
from tasks.judging.read_judgements import read_judgements

LLMBAR = Path(__file__).parents[3] / "../shared/data/llmbar/judgements_sample.jsonl.gz"
RENAMED = {"a": "b", "b": "a", "tie": "tie", None: None}
SIDES = st.sampled_from([*CATEGORIES, None])
LENGTHS = st.one_of(st.none(), st.integers(0, 3))


def compared(number, first, second, label=None, lengths=(None, None), prompt=None):
    return JudgedComparison(
        judge="judge",
        comparison_id=f"c{number}",
        prompt_id=f"p{number}" if prompt is None else f"p{prompt}",
        first=first,
        second=second,
        label=label,
        length_a=lengths[0],
        length_b=lengths[1],
    )


SEVEN = [
    compared(1, "a", "a", "a", (10, 5)),  # decided and right; the longer one won
    compared(2, "a", "b", "b", (3, 9)),  # twice the answer shown first
    compared(3, "b", "b", "a", (4, 4)),  # decided and wrong; equal lengths
    compared(4, "tie", "a", "tie", (7, 2)),  # no agreement: a tie, as for people
    compared(5, None, "b", "b", (1, 2)),  # unparsable
    compared(6, "b", "b", "b", (9, 3)),  # decided and right; the shorter one won
    compared(7, "b", "a"),  # twice the answer shown second; no label, no lengths
]


def figures_of(judge):
    values = {field.name: getattr(judge, field.name) for field in fields(JudgeAgreement)}
    return {name: value for name, value in values.items() if isinstance(value, ClusteredFigure)}


def counts_of(judge):
    return {name: (figure.count, figure.num) for name, figure in figures_of(judge).items()}


@pytest.fixture
def seven():
    (judge,) = agreement(SEVEN)
    return judge


@pytest.mark.parametrize(
    ("figure", "count", "num"),
    [
        pytest.param("first_position_rate", 6, 12, id="c1, c2 twice, c3, c5, c6 of 14 less 2"),
        pytest.param("flip_rate", 2, 5, id="c2, c7 of c1, c2, c3, c6, c7"),
        pytest.param("longer_wins_rate", 1, 2, id="c1 of c1, c6"),
        pytest.param("tie_share", 1, 14, id="one verdict of c4"),
        pytest.param("unparsable_share", 1, 14, id="one verdict of c5"),
        pytest.param("decided_share", 3, 7, id="c1, c3, c6"),
        pytest.param("accuracy", 2, 3, id="c1, c6 of c1, c3, c6"),
    ],
)
def test_rates_worked_by_hand(seven, figure, count, num):
    found = getattr(seven, figure)
    assert (found.count, found.num) == (count, num)
    assert found.value == pytest.approx(count / num)


def test_agreement_with_people_worked_by_hand(seven):
    """Of c1, c2, c3, c4 and c6 three agree.

    Kappa: chance (1 * 2 + 2 * 2 + 2 * 1) / 25, so (15 - 8) / (25 - 8). Alpha: three a, four b and
    three ties among ten values, chance (6 + 12 + 6) / 90, so (54 - 24) / (90 - 24).
    """
    assert seven.confusion == ((1, 0, 0), (1, 1, 0), (0, 1, 1))
    assert (seven.kappa.count, seven.kappa.num) == (seven.alpha.count, seven.alpha.num) == (3, 5)
    assert seven.kappa.value == pytest.approx(7 / 17)
    assert seven.alpha.value == pytest.approx(30 / 66)


@pytest.mark.parametrize(
    ("said", "lengths", "count", "num"),
    [
        pytest.param("a", (2, 1), 1, 1, id="a, the longer"),
        pytest.param("a", (1, 2), 0, 1, id="a, the shorter"),
        pytest.param("b", (1, 2), 1, 1, id="b, the longer"),
        pytest.param("b", (2, 0), 0, 1, id="b, the shorter and empty"),
        pytest.param("b", (0, 0), 0, 0, id="both empty"),
        pytest.param("a", (2, None), 0, 0, id="one unknown"),
        pytest.param("tie", (2, 1), 0, 0, id="a tie"),
    ],
)
def test_the_longer_answer_is_the_one_with_more_characters(said, lengths, count, num):
    (judge,) = agreement([compared(1, said, said, lengths=lengths)])
    assert (judge.longer_wins_rate.count, judge.longer_wins_rate.num) == (count, num)


def test_a_decided_verdict_on_what_people_call_a_tie_is_a_miss():
    (judge,) = agreement([compared(1, "a", "a", "tie"), compared(2, "b", "b", "b")])
    assert (judge.accuracy.count, judge.accuracy.num) == (1, 2)


def test_without_labels_and_lengths_nothing_is_said_about_them():
    (judge,) = agreement([replace(row, label=None, length_a=None) for row in SEVEN])
    for unknown in (judge.longer_wins_rate, judge.accuracy, judge.kappa, judge.alpha):
        assert astuple(unknown) == (None, None, None, 0, 0, 0)
    assert judge.flip_rate.value == pytest.approx(2 / 5)


def test_judges_are_apart_and_in_the_order_of_their_names():
    other = [replace(row, judge="another", second="a") for row in SEVEN]
    (alone,) = agreement(SEVEN)
    another, judge = agreement([*SEVEN, *other])
    assert (another.judge, judge) == ("another", alone)
    assert agreement([]) == []


def test_comparisons_of_one_prompt_count_as_one_prompt():
    rows = [compared(number, "a", "ab"[number % 2], prompt=number // 10) for number in range(100)]
    (judge,) = agreement(rows)
    assert (judge.num_comparisons, judge.num_prompts) == (100, 10)
    assert judge.flip_rate.num_prompts == 10


ROWS = st.lists(
    st.tuples(SIDES, SIDES, SIDES, st.tuples(LENGTHS, LENGTHS), st.integers(0, 5)),
    min_size=1,
    max_size=25,
).map(
    lambda rows: [
        compared(number, first, second, label, lengths, prompt)
        for number, (first, second, label, lengths, prompt) in enumerate(rows)
    ]
)


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_which_answer_is_called_a_changes_nothing(rows):
    """Of what a is called b, the verdict with a shown first is the one with b shown first."""
    renamed = [
        replace(
            row,
            first=RENAMED[row.second],
            second=RENAMED[row.first],
            label=RENAMED[row.label],
            length_a=row.length_b,
            length_b=row.length_a,
        )
        for row in rows
    ]
    (judge,), (other,) = agreement(rows), agreement(renamed)
    assert counts_of(judge) == counts_of(other)
    for name, figure in figures_of(judge).items():
        assert getattr(other, name).value == pytest.approx(figure.value), name


@settings(max_examples=30, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, shuffler):
    shuffled = shuffler.sample(rows, len(rows))
    assert agreement(shuffled) == agreement(rows)


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_every_interval_has_a_width_and_lies_where_the_figure_can(rows):
    (judge,) = agreement(rows)
    for name, figure in figures_of(judge).items():
        if figure.value is not None:
            least = -1 if name in {"kappa", "alpha"} else 0
            assert least <= figure.low < figure.high <= 1, name


@pytest.mark.parametrize("comparisons_a_prompt", [1, 10])
def test_a_hundred_thousand_comparisons_take_seconds(comparisons_a_prompt):
    """About one second; the bound leaves room for a busy machine."""
    draw = random.Random(0)
    sides = [draw.choices([*CATEGORIES, None], [5, 4, 1, 1], k=3) for _ in range(100_000)]
    rows = [
        compared(number, *three, (number % 7, number % 5), number // comparisons_a_prompt)
        for number, three in enumerate(sides)
    ]
    start = time.perf_counter()
    (judge,) = agreement(rows)
    assert time.perf_counter() - start < 8
    assert judge.num_comparisons == 100_000


OWN_LINES = [  # index, label, winner_original, winner_swapped
    (0, 1, "1", "1"),
    (1, 2, "1", "2"),
    (2, 1, "2", "2"),
    (3, 2, "2", "1"),
    (4, 1, "tie", "tie"),
    (5, 2, "tie", "1"),
    (6, "tie", "2", "tie"),
    (7, "tie", "1", "1"),
    (8, 1, None, "1"),
    (9, 2, "2", None),
    (10, 2, None, None),
    (11, 1, "tie", None),
    (12, None, "1", "1"),
    (13, None, "2", "1"),
    (14, None, None, "tie"),
    (15, 2, "2", "2"),
]


@pytest.fixture(params=["llmbar", "ties, unparsable replies and missing labels"])
def judgements(request, tmp_path):
    if request.param == "llmbar":
        if not LLMBAR.exists():
            pytest.skip("no shared/data/llmbar beside the checkout")
        return str(LLMBAR)
    path = tmp_path / "judgements.jsonl"
    names = ("index", "label", "winner_original", "winner_swapped")
    rows = [
        {"dataset": "own", "evaluator": evaluator, "strategy": "plain"}
        | dict(zip(names, line, strict=True))
        for evaluator, lines in (("one", OWN_LINES), ("two", OWN_LINES[3:12]))
        for line in lines
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


JUDGED = """
with read as (
    select evaluator || '/' || strategy as judge, winner_original as o, winner_swapped as s, label
    from read_json(
        ?, format='newline_delimited',
        columns={dataset: 'VARCHAR', evaluator: 'VARCHAR', strategy: 'VARCHAR', index: 'INTEGER',
                 label: 'VARCHAR', winner_original: 'VARCHAR', winner_swapped: 'VARCHAR'})
), judged as (
    select *, o in ('1', '2') and s in ('1', '2') as decisive,
        case when o is null or s is null then null
             when o = s then o
             else 'tie' end as said
    from read
)
"""
COUNTS = """
select judge, count(*) as n,
    count_if(o = '1') + count_if(s = '2'),
    count_if(o in ('1', '2')) + count_if(s in ('1', '2')),
    count_if(decisive and o <> s), count_if(decisive),
    count_if(o = 'tie') + count_if(s = 'tie'), 2 * n,
    count_if(o is null) + count_if(s is null), 2 * n,
    count_if(decisive and o = s), n,
    count_if(decisive and o = s and label = o), count_if(decisive and o = s and label is not null),
    count_if(said = label), count_if(said is not null and label is not null)
from judged group by judge order by judge
"""
CELLS = """
select judge, said, label, count(*) from judged
where said is not null and label is not null group by all
"""
COUNTED = (
    "first_position_rate",
    "flip_rate",
    "tie_share",
    "unparsable_share",
    "decided_share",
    "accuracy",
    "kappa",
)


def recounted(path, query):
    with duckdb.connect() as connection:
        return connection.sql(JUDGED + query, params=[path]).fetchall()


def test_every_count_is_that_of_sql(judgements):
    rows = recounted(judgements, COUNTS)
    judges = agreement(read_judgements(judgements))
    assert [(judge.judge, judge.num_comparisons) for judge in judges] == [row[:2] for row in rows]
    for judge, row in zip(judges, rows, strict=True):
        expected = dict(zip(COUNTED, zip(row[2::2], row[3::2], strict=True), strict=True))
        expected |= {"alpha": expected["kappa"], "longer_wins_rate": (0, 0)}
        assert counts_of(judge) == expected, judge.judge


def test_every_confusion_matrix_is_that_of_sql_and_its_kappa_that_of_scikit_learn(judgements):
    sides = ("1", "2", "tie")
    cells = {(judge, said, label): n for judge, said, label, n in recounted(judgements, CELLS)}
    for judge in agreement(read_judgements(judgements)):
        expected = [[cells.get((judge.judge, said, label), 0) for label in sides] for said in sides]
        assert [list(row) for row in judge.confusion] == expected
        pairs = [
            (said, label)
            for row, said in zip(expected, sides, strict=True)
            for count, label in zip(row, sides, strict=True)
            for _ in range(count)
        ]
        kappa = cohen_kappa_score(*zip(*pairs, strict=True), labels=sides)
        assert judge.kappa.value == pytest.approx(kappa)
