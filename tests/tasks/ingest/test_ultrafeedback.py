"""Scored conversations: the shared turns, two answers and the difference of their scores."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.table import Message
from tasks.ingest.ingest_rows import IngestRows
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record
from tasks.ingest.ultrafeedback import LABELER, ultrafeedback_rows


def turns(*contents):
    roles = ("user", "assistant") * len(contents)
    return [{"role": r, "content": c} for r, c in zip(roles, contents, strict=False)]


def row(score_chosen=8.5, score_rejected=7.0, **values):
    return {
        "prompt": "Why?",
        "prompt_id": "0" * 64,
        "chosen": turns("Why?", "Because."),
        "rejected": turns("Why?", "No idea."),
        "messages": turns("Why?", "Because."),
        "score_chosen": score_chosen,
        "score_rejected": score_rejected,
        **values,
    }


def ultrafeedback(*rows):
    records = [
        Record(file="uf.jsonl", line=line, raw="", values=values)
        for line, values in enumerate(rows, start=1)
    ]
    params = IngestParams(source="ultrafeedback-binarized", path="uf.jsonl")
    return list(ultrafeedback_rows(records, params))


def test_the_last_turns_are_compared_by_their_scores():
    (example,) = ultrafeedback(row())
    assert example.messages == (Message("user", "Why?"),)
    assert (example.chosen, example.rejected) == (" Because.", " No idea.")
    assert (example.labeler, example.margin, example.agreement) == (LABELER, 1.5, None)


def test_a_csv_holds_the_conversations_as_json():
    chosen, rejected = (orjson.dumps(row()[side]).decode() for side in ("chosen", "rejected"))
    (example,) = ultrafeedback(row("8.5", "7", chosen=chosen, rejected=rejected))
    assert (example.chosen, example.rejected, example.margin) == (" Because.", " No idea.", 1.5)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param(row(7, 7), "tie: both answers have the same score", id="tie"),
        pytest.param(row(6, 7), "chosen has a lower score than rejected", id="lower"),
        pytest.param(row(None), "no value in column score_chosen", id="no score"),
        pytest.param(row(7, "x"), "column score_rejected is no number", id="a word"),
        pytest.param(row(chosen="Because."), "column chosen is no list of messages", id="a text"),
        pytest.param(row(rejected=None), "no value in column rejected", id="one conversation"),
        pytest.param(
            row(rejected=turns("Why not?", "No idea.")),
            "conversations differ before the last turn",
            id="two questions",
        ),
        pytest.param(
            row(rejected=turns("Why?", "")), "empty text in column rejected", id="empty answer"
        ),
        pytest.param(
            row(rejected=turns("Why?", "Because.")), "chosen equals rejected", id="equal answers"
        ),
    ],
)
def test_a_row_without_a_clear_winner_is_refused(values, reason):
    (refusal,) = ultrafeedback(values)
    assert refusal.reason == reason


scores = st.sampled_from([1, 2.5, "3", None, "x"])


@given(st.lists(st.tuples(scores, scores)))
def test_every_row_is_kept_refused_or_a_duplicate(rows):
    ingest = IngestRows(ultrafeedback(*(row(*values) for values in rows)))
    assert len(list(ingest)) <= len(rows)
    assert ingest.counts.rows_read == len(rows)
