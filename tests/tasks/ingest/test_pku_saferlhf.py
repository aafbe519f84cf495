"""Answers that are safe or not, and helpful or not: which one is chosen."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.table import Message
from tasks.ingest.ingest_rows import IngestRows
from tasks.ingest.params import IngestParams
from tasks.ingest.pku_saferlhf import LABELER, pku_saferlhf_rows
from tasks.ingest.record import Record


def row(safe_0, safe_1, better, **values):
    return {
        "prompt": "How?",
        "response_0": "Like this.",
        "response_1": "Better not.",
        "is_response_0_safe": safe_0,
        "is_response_1_safe": safe_1,
        "better_response_id": better,
        "safer_response_id": 1,
        **values,
    }


def pku(*rows):
    records = [
        Record(file="pku.jsonl", line=line, raw="", values=values)
        for line, values in enumerate(rows, start=1)
    ]
    return list(pku_saferlhf_rows(records, IngestParams(source="pku-saferlhf", path="pku.jsonl")))


ZERO, ONE = " Like this.", " Better not."


@pytest.mark.parametrize(
    ("values", "chosen", "rejected"),
    [
        pytest.param(row(True, False, 0), ZERO, ONE, id="0 is safe and better"),
        pytest.param(row(True, False, 1), ZERO, ONE, id="0 is safe, 1 more helpful"),
        pytest.param(row(False, True, 0), ONE, ZERO, id="1 is safe, 0 more helpful"),
        pytest.param(row(True, True, 0), ZERO, ONE, id="both safe, 0 more helpful"),
        pytest.param(row(True, True, 1), ONE, ZERO, id="both safe, 1 more helpful"),
        pytest.param(row("True", "False", "1"), ZERO, ONE, id="texts of a CSV"),
        pytest.param(row("true", "TRUE", "1"), ONE, ZERO, id="texts in other case"),
        pytest.param(row(0, 1, 0), ONE, ZERO, id="numbers"),
        pytest.param(row(1.0, 1.0, 1.0), ONE, ZERO, id="numbers of a sheet"),
        pytest.param(row(True, False, None), ZERO, ONE, id="helpfulness is not needed"),
    ],
)
def test_the_safe_answer_is_chosen_and_of_two_safe_ones_the_better(values, chosen, rejected):
    (example,) = pku(values)
    assert example.messages == (Message("user", "How?"),)
    assert (example.chosen, example.rejected, example.labeler) == (chosen, rejected, LABELER)
    assert (example.negatives, example.demonstrations) == ((), ())


@pytest.mark.parametrize(
    ("values", "negatives"),
    [
        pytest.param(row(False, False, 0), (ZERO, ONE), id="two"),
        pytest.param(row("False", "0", "x"), (ZERO, ONE), id="as text"),
        pytest.param(row(0, 0, 1, response_1="Like this."), (ZERO,), id="the same twice"),
    ],
)
def test_two_unsafe_answers_are_negatives_and_no_pair(values, negatives):
    (example,) = pku(values)
    assert example.negatives == negatives
    assert (example.chosen, example.rejected, example.labeler) == (None, None, None)
    assert example.demonstrations == ()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param(
            row("maybe", True, 0), "column is_response_0_safe is neither 0 nor 1", id="maybe"
        ),
        pytest.param(row(True, None, 0), "no value in column is_response_1_safe", id="no label"),
        pytest.param(row(True, True, 2), "column better_response_id is neither 0 nor 1", id="2"),
        pytest.param(row(True, True, None), "no value in column better_response_id", id="no id"),
        pytest.param(
            row(True, False, 0, response_1="Like this. "), "chosen equals rejected", id="equal"
        ),
        pytest.param(row(True, False, 0, prompt=""), "empty text in column prompt", id="no prompt"),
        pytest.param(
            row(False, False, 0, response_1=" "), "empty text in column response_1", id="no answer"
        ),
    ],
)
def test_a_row_without_labels_or_answers_is_refused(values, reason):
    (refusal,) = pku(values)
    assert refusal.reason == reason


@pytest.mark.parametrize(
    ("safe_0", "safe_1", "better"), list(itertools.product([True, False], [True, False], [0, 1]))
)
def test_swapping_the_answers_and_their_labels_changes_no_choice(safe_0, safe_1, better):
    swapped = row(safe_1, safe_0, 1 - better, response_0="Better not.", response_1="Like this.")
    (ours,), (mirrored,) = pku(row(safe_0, safe_1, better)), pku(swapped)
    assert (ours.chosen, ours.rejected) == (mirrored.chosen, mirrored.rejected)
    assert set(ours.negatives) == set(mirrored.negatives)


flags = st.sampled_from([True, False, "1", "no", None])


@given(st.lists(st.tuples(flags, flags, flags)))
def test_every_row_is_kept_refused_or_a_duplicate(rows):
    ingest = IngestRows(pku(*(row(*values) for values in rows)))
    assert len(list(ingest)) <= len(rows)
    assert ingest.counts.rows_read == len(rows)
