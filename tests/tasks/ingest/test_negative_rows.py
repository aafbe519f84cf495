"""Bare negatives: which responses of a row are unwanted, and which rows cannot be used."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.ingest.ingest_rows import IngestRows
from tasks.ingest.negatives import negatives_rows, shapes
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record


def negatives(*rows, **params):
    records = [
        Record(file="n.jsonl", line=line, raw=orjson.dumps(row), values=row)
        for line, row in enumerate(rows, start=1)
    ]
    return list(negatives_rows(records, IngestParams(source="negatives", path="n.jsonl", **params)))


def several(responses, preferred):
    return {"prompt": "Hi", "responses": responses, "preferred": preferred}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"prompt": "Hi", "response": "No."}, (" No.",), id="response"),
        pytest.param({"prompt": "Hi", "rejected": "No."}, (" No.",), id="rejected"),
        pytest.param(several(["a", "b", "c"], 1), (" a", " c"), id="preferred"),
        pytest.param(several(["a", "b"], None), (" a", " b"), id="none good"),
        pytest.param(several(["a", "b", "a"], None), (" a", " b"), id="one twice"),
        pytest.param(several('["a", "b"]', "0"), (" b",), id="from a CSV"),
        pytest.param(several('["a", "b"]', ""), (" a", " b"), id="none good in a CSV"),
        pytest.param(several('["a", "b"]', "null"), (" a", " b"), id="null in a CSV"),
        pytest.param(several(["a", "b"], 1.0), (" a",), id="from a sheet"),
        pytest.param(several(["a", ""], 1), (" a",), id="what is preferred may be anything"),
        pytest.param(
            {"prompt": "Hi", "response": "No.", "rejected": None, "responses": ""},
            (" No.",),
            id="other columns are empty",
        ),
        pytest.param({"prompt": "Hi", "response": "No.", "note": 1}, (" No.",), id="more columns"),
        pytest.param(
            several([[{"role": "assistant", "content": "a"}], "b"], None),
            (" a", " b"),
            id="messages",
        ),
    ],
)
def test_every_shape_of_row_is_read(row, expected):
    (example,) = negatives(row)
    assert example.negatives == expected
    assert example.messages == (Message("user", "Hi"),)
    assert (example.chosen, example.rejected, example.demonstrations) == (None, None, ())


def test_prompts_are_messages_or_a_string_in_the_role_that_was_asked_for():
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    chat, text = negatives(
        {"prompt": turns, "response": "No."},
        {"prompt": "It was", "response": "n't"},
        prompt_role="text",
    )
    assert chat.messages == (Message("system", "Be kind."), Message("user", "Hi"))
    assert chat.negatives == (" No.",)
    assert (text.messages, text.negatives) == ((Message("text", "It was"),), ("n't",))


NO_INDEX = "column preferred is neither an index from 0 nor null"
NO_LIST = "column responses is no list with at least one response"
SEVERAL = "more than one of response, rejected and responses"
REFUSED = [
    pytest.param({"response": "No."}, "no value in column prompt", id="no prompt"),
    pytest.param({"prompt": "Hi"}, "no response", id="no response"),
    pytest.param({"prompt": "Hi", "response": ""}, "no response", id="empty response"),
    pytest.param({"prompt": "Hi", "response": None}, "no response", id="null response"),
    pytest.param({"prompt": "", "response": "x"}, "empty text in column prompt", id="empty prompt"),
    pytest.param(
        {"prompt": "Hi", "response": " \n"}, "empty text in column response", id="blank response"
    ),
    pytest.param({"prompt": 7, "response": "x"}, "column prompt is no text", id="a number"),
    pytest.param({"prompt": [], "response": "x"}, "no messages in column prompt", id="no messages"),
    pytest.param({"prompt": "Hi", "response": "a", "rejected": "b"}, SEVERAL, id="two shapes"),
    pytest.param(
        {"prompt": "Hi", "responses": ["a"]},
        "no column preferred; null if no response is preferred",
        id="preferred missing",
    ),
    pytest.param(several(["a", "b"], 2), "column preferred is beyond the last response", id="2"),
    pytest.param(several(["a", "b"], -1), NO_INDEX, id="negative index"),
    pytest.param(several(["a", "b"], True), NO_INDEX, id="boolean index"),
    pytest.param(several(["a", "b"], 0.5), NO_INDEX, id="half an index"),
    pytest.param(several(["a", "b"], "first"), NO_INDEX, id="a word as index"),
    pytest.param(several(["a", "b"], "9" * 5000), NO_INDEX, id="an endless index"),
    pytest.param(several(["a"], 0), "no response besides the preferred one", id="only one"),
    pytest.param(several([], None), NO_LIST, id="no texts"),
    pytest.param(several("a", None), NO_LIST, id="a text"),
    pytest.param(several('{"a": 1}', None), NO_LIST, id="a JSON object"),
    pytest.param(several({"a": 1}, None), NO_LIST, id="an object"),
    pytest.param(
        several(["good", "bad", "good"], 0), "a response equals the preferred one", id="equal"
    ),
    pytest.param(several(["a", "", "b"], 0), "empty text in column responses", id="one empty"),
    pytest.param(several(["a", 5, "b"], 0), "column responses is no text", id="one number"),
    pytest.param(several(["a", None], 0), "no value in column responses", id="one null"),
]


@pytest.mark.parametrize(("row", "reason"), REFUSED)
def test_a_row_is_refused_as_a_whole_with_its_reason(row, reason):
    before, refusal, after = negatives(
        {"prompt": "Hi", "response": "first"}, row, {"prompt": "Hi", "response": "last"}
    )
    assert (refusal.reason, refusal.line) == (reason, 2)
    assert (before.negatives, after.negatives) == ((" first",), (" last",))


def test_the_required_columns_are_those_of_the_map():
    params = IngestParams(source="negatives", path="f", columns={"responses": "samples"})
    assert shapes(params) == (
        ("prompt", "response"),
        ("prompt", "rejected"),
        ("prompt", "samples", "preferred"),
    )
    with pytest.raises(InputError, match="'chosen'"):
        shapes(IngestParams(source="negatives", path="f", columns={"chosen": "best"}))


values = st.sampled_from(["a", " a", "b", "", None, 3, [], ["a", "b"], ["a", ""], '["a"]'])
columns = st.sampled_from(["prompt", "response", "rejected", "responses", "preferred"])


@given(st.lists(st.dictionaries(columns, values)))
def test_every_row_is_kept_refused_or_a_duplicate(rows):
    ingest = IngestRows(negatives(*rows))
    assert len(list(ingest)) <= len(rows)
    assert ingest.counts.rows_read == len(rows)
