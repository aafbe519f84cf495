"""What an example becomes in the tables that are learned from, or in quarantine."""

import hashlib
import json
from dataclasses import asdict

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.demonstrations import Demonstration
from storage.tables.dispreferred import Dispreferred
from storage.tables.examples import Example
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt, prompt_id
from storage.tables.table import Message
from tasks.curation.placed_rows import MAX_RAW_BYTES, placed_rows, refusals

MESSAGES = (Message("system", "Be brief."), Message("user", "Why?"))


def example(**fields):
    place = {"file": "rows.jsonl", "line": 7, "byte_offset": 120}
    return Example(**{"source": "rows", "messages": MESSAGES, **place, **fields})


def placed(row):
    return list(placed_rows(row, cluster="c1", split="train"))


def answers(row):
    """Return what is told of an answer, by the kind of its row."""
    match row:
        case Demonstration():
            return ("demonstration", row.completion, row.label)
        case PreferencePair():
            return ("pair", row.chosen, row.rejected)
        case Dispreferred():
            return ("dispreferred", row.rejected)
        case Prompt():
            return ("prompt",)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, [("prompt",)], id="a bare prompt"),
        pytest.param(
            {"chosen": " a"},
            [("prompt",), ("demonstration", " a", None)],
            id="a chosen answer alone is a demonstration",
        ),
        pytest.param(
            {"chosen": " a", "labels": ("good",)},
            [("prompt",), ("demonstration", " a", "good")],
            id="a chosen answer with a label",
        ),
        pytest.param(
            {"chosen": " a", "rejected": " b"},
            [("prompt",), ("demonstration", " a", None), ("pair", " a", " b")],
            id="a comparison",
        ),
        pytest.param(
            {
                "chosen": " a",
                "rejected": " b",
                "demonstrations": (" a", " b"),
                "labels": ("positive", "negative"),
            },
            [
                ("prompt",),
                ("demonstration", " a", "positive"),
                ("demonstration", " b", "negative"),
                ("pair", " a", " b"),
            ],
            id="listed demonstrations take the place of the chosen answer",
        ),
        pytest.param(
            {"demonstrations": (" a", " b", " c"), "labels": ("good", None)},
            [
                ("prompt",),
                ("demonstration", " a", "good"),
                ("demonstration", " b", None),
                ("demonstration", " c", None),
            ],
            id="fewer labels than demonstrations",
        ),
        pytest.param(
            {"demonstrations": (" a",), "labels": ("good", "bad")},
            [("prompt",), ("demonstration", " a", "good")],
            id="more labels than demonstrations",
        ),
        pytest.param(
            {"negatives": (" x", " y")},
            [("prompt",), ("dispreferred", " x"), ("dispreferred", " y")],
            id="answers that nobody wants",
        ),
        pytest.param(
            {"chosen": " a", "rejected": " b", "negatives": (" x",)},
            [
                ("prompt",),
                ("demonstration", " a", None),
                ("pair", " a", " b"),
                ("dispreferred", " x"),
            ],
            id="a comparison and a bare negative",
        ),
        pytest.param(
            {"chosen": "", "rejected": " b"},
            [("prompt",), ("demonstration", "", None), ("pair", "", " b")],
            id="an empty answer is an answer",
        ),
    ],
)
def test_an_example_becomes_the_rows_that_its_answers_make(fields, expected):
    assert [answers(row) for row in placed(example(**fields))] == expected


def test_a_pair_says_who_compared_and_how_clearly():
    fields = {"chosen": " a", "rejected": " b", "margin": 1.5, "agreement": 0.75}
    *_, named = placed(example(labeler="people", **fields))
    assert (named.labeler_kind, named.labeler) == ("dataset", "people")
    assert (named.margin, named.agreement) == (1.5, 0.75)
    assert (named.chosen_id, named.rejected_id) == (None, None)
    *_, unnamed = placed(example(**fields))
    assert unnamed.labeler == "rows"


def test_all_rows_stand_in_one_split_under_one_prompt_id_and_name_their_source_row():
    rows = placed(example(chosen=" a", rejected=" b", negatives=(" x",), meta='{"n":1}'))
    assert {row.prompt_id for row in rows} == {prompt_id("rows", MESSAGES)}
    assert {row.split for row in rows} == {"train"}
    assert {row.source for row in rows} == {"rows"}
    assert {row.origin for row in rows} == {"rows.jsonl:7"}
    assert {row.messages for row in rows} == {MESSAGES}
    assert (rows[0].cluster, rows[0].meta) == ("c1", '{"n":1}')


def test_every_source_row_of_a_refused_example_is_refused_where_it_stands():
    joined = example(more_origins=("rows.jsonl:9", "/data/c:d/other.csv:12"))
    found = list(refusals(joined, "over max_tokens"))
    assert [(row.file, row.line, row.byte_offset) for row in found] == [
        ("rows.jsonl", 7, 120),
        ("rows.jsonl", 9, None),
        ("/data/c:d/other.csv", 12, None),
    ]
    assert {(row.source, row.reason) for row in found} == {("rows", "over max_tokens")}
    assert len({row.refusal_id for row in found}) == 3


def as_json(row):
    """Return an example as JSON, made by the standard library."""
    return json.dumps(asdict(row), ensure_ascii=False, separators=(",", ":")).encode()


def test_raw_is_the_whole_example_as_json_where_it_is_short():
    row = example(chosen=" ja, natürlich", rejected=" no", margin=2.0, more_origins=("f:1",))
    for found in refusals(row, "encoding"):
        assert found.raw.encode() == as_json(row)
        assert orjson.loads(found.raw)["chosen"] == " ja, natürlich"
        assert found.raw_sha256 == hashlib.sha256(as_json(row)).hexdigest()


@pytest.mark.parametrize("text", ["a" * 100_000, "ü" * 50_000, " " + "ü" * 50_000], ids=len)
def test_of_a_long_example_the_first_64_kb_are_kept_and_all_of_it_is_hashed(text):
    row = example(chosen=text)
    (found,) = refusals(row, "over max_tokens")
    kept = as_json(row)[:64_000]
    assert found.raw == kept.decode(errors="replace")
    assert found.raw.removesuffix("\ufffd") == kept.decode(errors="ignore")
    assert found.raw_sha256 == hashlib.sha256(as_json(row)).hexdigest()
    assert MAX_RAW_BYTES == 64_000


origins = st.integers(1, 999).map("more.jsonl:{}".format)


@given(st.lists(origins, max_size=5, unique=True), st.text(max_size=20))
def test_as_many_rows_are_refused_as_the_example_is_made_of(more_origins, text):
    row = example(chosen=text, more_origins=tuple(more_origins))
    found = list(refusals(row, "reason"))
    assert len(found) == row.num_rows
    assert {f"{refused.file}:{refused.line}" for refused in found} == {row.origin, *more_origins}


optional = st.none() | st.sampled_from([" a", " b", ""])
few = st.lists(st.sampled_from([" a", " b", " c"]), max_size=3).map(tuple)


@given(optional, optional, few, few)
def test_an_answer_is_placed_as_often_as_it_is_given(chosen, rejected, imitated, disliked):
    row = example(chosen=chosen, rejected=rejected, demonstrations=imitated, negatives=disliked)
    kinds = [type(made) for made in placed(row)]
    assert kinds.count(Prompt) == 1
    assert kinds.count(Demonstration) == (len(imitated) or int(chosen is not None))
    assert kinds.count(PreferencePair) == int(chosen is not None and rejected is not None)
    assert kinds.count(Dispreferred) == len(disliked)
