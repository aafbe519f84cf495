"""Prompts without answers, and what else their rows hold."""

import csv
import datetime as dt
from pathlib import Path

import orjson
import pytest

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.ingest.params import IngestParams
from tasks.ingest.prompt_rows import prompt_rows, shapes
from tasks.ingest.record import Record

REAL = Path(__file__).parents[3] / "../shared/data/xstest/xstest_prompts.csv"


def prompts(*rows, **params):
    records = [
        Record(file="own.csv", line=line, raw="", values=row)
        for line, row in enumerate(rows, start=1)
    ]
    return list(prompt_rows(records, IngestParams(source="prompts", path="own.csv", **params)))


def test_a_prompt_has_no_answers_and_keeps_the_other_columns():
    (example,) = prompts({"id": "7", "prompt": "How?", "label": "safe"})
    assert example.messages == (Message("user", "How?"),)
    assert (example.chosen, example.rejected, example.demonstrations) == (None, None, ())
    assert orjson.loads(example.meta) == {"id": "7", "label": "safe"}


def test_a_prompt_may_be_a_text_to_continue_in_a_column_of_any_name():
    (example,) = prompts(
        {"start": "It was", "prompt": "x"}, columns={"prompt": "start"}, prompt_role="text"
    )
    assert example.messages == (Message("text", "It was"),)
    assert orjson.loads(example.meta) == {"prompt": "x"}


def test_other_columns_of_any_type_are_written_as_json():
    values = {"prompt": "q", "n": 1.5, "on": dt.date(2024, 2, 29), "tags": ["a", None]}
    (example,) = prompts(values)
    assert orjson.loads(example.meta) == {"n": 1.5, "on": "2024-02-29", "tags": ["a", None]}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param({"prompt": ""}, "empty text in column prompt", id="empty"),
        pytest.param({"text": "q"}, "no value in column prompt", id="no prompt"),
        pytest.param(
            {"prompt": "q", "note": "\ud800"},
            "other columns cannot be written as JSON",
            id="a note that is no Unicode",
        ),
        pytest.param(
            {"prompt": "q", "n": 2**70}, "other columns cannot be written as JSON", id="a huge int"
        ),
    ],
)
def test_a_row_without_a_usable_prompt_is_refused(values, reason):
    (refusal,) = prompts(values)
    assert refusal.reason == reason


def test_only_the_prompt_can_be_mapped():
    assert shapes(IngestParams(source="prompts", path="f", columns={"prompt": "q"})) == (("q",),)
    with pytest.raises(InputError, match="'chosen'"):
        shapes(IngestParams(source="prompts", path="f", columns={"chosen": "best"}))


@pytest.mark.skipif(not REAL.exists(), reason="the XSTest prompts are not beside the checkout")
def test_all_prompts_of_xstest_are_kept_with_their_label():
    with REAL.open(encoding="utf-8", newline="") as file:
        examples = prompts(*csv.DictReader(file))
    labels = [orjson.loads(example.meta)["label"] for example in examples]
    assert (labels.count("safe"), labels.count("unsafe"), len(labels)) == (250, 200, 450)
    assert len({example.example_id for example in examples}) == 450
