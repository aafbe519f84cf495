"""Reddit comments with scores: which pairs are used, and which posts remain bare prompts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.ingest_rows import IngestRows
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record
from tasks.ingest.shp import LABELER, shp_rows


def row(score_a, score_b, label, **values):
    return {
        "post_id": "p1",
        "domain": "askbaking_train",
        "history": "How long?",
        "human_ref_A": "An hour.",
        "human_ref_B": "A day.",
        "labels": label,
        "score_A": score_a,
        "score_B": score_b,
        **values,
    }


def shp(*rows, **params):
    records = [
        Record(file="shp.json", line=line, raw="", values=values)
        for line, values in enumerate(rows, start=1)
    ]
    return list(shp_rows(records, IngestParams(source="shp", path="shp.json", **params)))


A, B = " An hour.", " A day."


@pytest.mark.parametrize(
    ("values", "chosen", "rejected", "margin"),
    [
        pytest.param(row(30, 10, 1), A, B, 20, id="label 1 prefers A"),
        pytest.param(row(10, 30, 0), B, A, 20, id="label 0 prefers B"),
        pytest.param(row("30", "10", "1"), A, B, 20, id="numbers as text"),
        pytest.param(row(20, 10, 1), A, B, 10, id="exactly the smallest ratio"),
        pytest.param(row(2, 0, 1), A, B, 2, id="no votes count as one"),
        pytest.param(row(3, -5, 1), A, B, 8, id="a score below zero counts as one"),
    ],
)
def test_the_comment_with_enough_more_votes_is_chosen(values, chosen, rejected, margin):
    (example,) = shp(values)
    assert example.messages == (Message("user", "How long?"),)
    assert (example.chosen, example.rejected, example.labeler) == (chosen, rejected, LABELER)
    assert (example.margin, example.agreement) == (margin, None)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(row(19, 10, 1), id="1.9 times the votes"),
        pytest.param(row(1, 0, 1), id="one vote against none"),
        pytest.param(row(-1, -9, 1), id="both below zero"),
    ],
)
def test_a_close_pair_leaves_the_post_as_a_bare_prompt(values):
    (example,) = shp(values)
    assert example.messages == (Message("user", "How long?"),)
    assert (example.chosen, example.rejected, example.demonstrations) == (None, None, ())
    assert (example.labeler, example.margin) == (None, None)


def test_the_smallest_ratio_can_be_chosen():
    assert [example.chosen for example in shp(row(19, 10, 1), min_score_ratio=1.9)] == [A]
    assert [example.chosen for example in shp(row(30, 10, 1), min_score_ratio=3.1)] == [None]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param(row(10, 30, 1), "label contradicts the scores", id="A called better"),
        pytest.param(row(30, 10, 0), "label contradicts the scores", id="B called better"),
        pytest.param(row(5, 5, 1), "tie: both comments have the same score", id="tie"),
        pytest.param(row(30, 10, 2), "column labels is neither 0 nor 1", id="label 2"),
        pytest.param(row(30, 10, None), "no value in column labels", id="no label"),
        pytest.param(row("many", 10, 1), "column score_A is no number", id="a word"),
        pytest.param(row(30, 10, 1, history=" "), "empty text in column history", id="no post"),
        pytest.param(
            row(30, 10, 1, human_ref_B=""), "empty text in column human_ref_B", id="no comment"
        ),
        pytest.param(
            row(30, 10, 1, human_ref_B="An hour. "), "chosen equals rejected", id="equal comments"
        ),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(values, reason):
    (refusal,) = shp(values)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


scores = st.integers(-50, 50)


@given(scores, scores, st.sampled_from([0, 1]))
def test_swapping_the_comments_and_the_label_changes_nothing(score_a, score_b, label):
    swapped = row(score_b, score_a, 1 - label, human_ref_A="A day.", human_ref_B="An hour.")
    (ours,), (mirrored,) = shp(row(score_a, score_b, label)), shp(swapped)
    if isinstance(ours, Refusal):
        assert ours.reason == mirrored.reason
    else:
        assert ours == mirrored


@given(st.lists(st.tuples(scores, scores, st.sampled_from([0, 1, 2, None]))))
def test_every_row_is_kept_refused_or_a_duplicate(rows):
    ingest = IngestRows(shp(*(row(*values) for values in rows)))
    assert len(list(ingest)) <= len(rows)
    assert ingest.counts.rows_read == len(rows)
