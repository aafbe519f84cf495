"""Transcripts become a prompt with two replies, or a refusal with its reason."""

import gzip
from pathlib import Path

import orjson
import pytest

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.hh_rlhf import Replies, compare
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source

REAL = Path(__file__).parents[3] / "../shared/data/hh-rlhf/harmless-base/test.jsonl.gz"


def human(text):
    return f"\n\nHuman: {text}"


def assistant(text):
    return f"\n\nAssistant: {text}"


def test_all_that_both_transcripts_share_is_the_prompt():
    shared = human("hi") + assistant("hello") + human("a joke?")
    assert compare(shared + assistant("no"), shared + assistant("knock knock")) == Replies(
        messages=(
            Message("user", "hi"),
            Message("assistant", "hello"),
            Message("user", "a joke?"),
        ),
        chosen=" no",
        rejected=" knock knock",
    )


def test_replies_continue_the_transcript_verbatim():
    """Prompt + "Assistant:" + reply is the transcript again."""
    transcript = human("hi") + assistant("hello")
    replies = compare(transcript, human("hi") + assistant("go"))
    assert human("hi") + "\n\nAssistant:" + replies.chosen == transcript


def test_swapping_the_transcripts_swaps_the_replies():
    a, b = human("q") + assistant("one"), human("q") + assistant("two")
    ours, mirrored = compare(a, b), compare(b, a)
    assert (ours.chosen, ours.rejected) == (mirrored.rejected, mirrored.chosen)
    assert ours.messages == mirrored.messages


def test_a_paragraph_inside_a_reply_is_no_turn():
    reply = "first\n\nsecond\n\nHumans: are not a turn"
    replies = compare(human("q") + assistant(reply), human("q") + assistant("x"))
    assert replies.chosen == f" {reply}"


Q = human("q") + assistant("a") + human("r")


@pytest.mark.parametrize(
    ("chosen", "rejected", "reason"),
    [
        pytest.param(Q + assistant("x"), Q + assistant("x"), "chosen equals rejected", id="equal"),
        pytest.param(
            Q + assistant("x"), Q + assistant("x "), "chosen equals rejected", id="equal but space"
        ),
        pytest.param(Q + assistant("x"), Q + assistant(""), "empty last reply", id="empty"),
        pytest.param(Q + assistant(" \n"), Q + assistant("x"), "empty last reply", id="blank"),
        pytest.param(Q, Q + assistant("x"), "ends on a Human turn", id="no reply"),
        pytest.param(
            Q + assistant("x") + human("?"),
            Q + assistant("y"),
            "ends on a Human turn",
            id="a turn too much",
        ),
        pytest.param(
            human("q") + assistant("a") + human("r") + assistant("x"),
            human("q") + assistant("b") + human("r") + assistant("y"),
            "transcripts differ before the last reply",
            id="earlier reply differs",
        ),
        pytest.param(
            human("q") + assistant("a") + human("r") + assistant("x"),
            human("q") + assistant("b"),
            "transcripts differ before the last reply",
            id="one side goes on",
        ),
        pytest.param(
            human("q") + assistant("x"),
            human("p") + assistant("x"),
            "transcripts differ before the last reply",
            id="questions differ",
        ),
        pytest.param(
            assistant("a"), assistant("b"), "no Human turn before the reply", id="no question"
        ),
        pytest.param("hello", "hello there", "not a transcript", id="no turns"),
        pytest.param("", human("q") + assistant("x"), "not a transcript", id="empty text"),
        pytest.param(
            "hm" + human("q") + assistant("x"),
            "hm" + human("q") + assistant("y"),
            "not a transcript",
            id="words before the first turn",
        ),
    ],
)
def test_transcripts_without_two_replies_to_one_prompt_are_refused(chosen, rejected, reason):
    assert compare(chosen, rejected) == reason


def test_every_bad_line_is_kept_with_its_place_and_reason(tmp_path):
    """Offsets are counted by hand: each line starts where the lengths of those before add up to."""
    good = orjson.dumps(
        {"chosen": human("q") + assistant("a"), "rejected": human("q") + assistant("b")}
    )
    lines = [
        good,
        b'{"chosen":"\xff","rejected":"b"}',
        b'{"chosen":"a\x00","rejected":"b"}',
        b'{"chosen":"a\\u0000","rejected":"b"}',
        b'["a","b"]',
        b'{"chosen":3,"rejected":"b"}',
        b'{"chosen":"a"}',
        b"",
        b'{"chosen":"a","rej',
    ]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(lines))
    ingest = read_source(IngestParams(source="hh-rlhf", path=str(path)))
    refusals = [row for _, row in ingest if isinstance(row, Refusal)]
    starts = [sum(len(line) + 1 for line in lines[:i]) for i in range(len(lines))]
    assert [(r.line, r.byte_offset, r.reason) for r in refusals] == [
        (2, starts[1], "invalid UTF-8"),
        (3, starts[2], "NUL byte"),
        (4, starts[3], "NUL character in column chosen"),
        (5, starts[4], "not a JSON object"),
        (6, starts[5], "column chosen is no text"),
        (7, starts[6], "no value in column rejected"),
        (9, starts[8], "invalid JSON"),
    ]
    assert refusals[-1].raw == '{"chosen":"a","rej'
    assert refusals[0].raw == '{"chosen":"\ufffd","rejected":"b"}'
    assert ingest.counts.rows_read == 8
    assert ingest.counts.rows_kept == 1


def test_a_row_that_says_the_same_again_is_counted_as_a_duplicate(tmp_path):
    row = {"chosen": human("q") + assistant("a"), "rejected": human("q") + assistant("b")}
    other = row | {"rejected": human("q") + assistant("c")}
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(orjson.dumps(r) for r in (row, row, other))))
    ingest = read_source(IngestParams(source="hh-rlhf", path=str(path)))
    assert [(row.chosen, row.rejected) for _, row in ingest] == [(" a", " b"), (" a", " c")]
    assert ingest.counts.duplicates == 1
    assert ingest.counts.rows_kept == 2


def test_an_example_names_the_data_set_and_its_row(tmp_path):
    row = {"chosen": human("q") + assistant("a"), "rejected": human("q") + assistant("b")}
    path = tmp_path / "rows.jsonl"
    path.write_bytes(orjson.dumps(row))
    ((example_id, example),) = read_source(IngestParams(source="hh-rlhf", path=str(path)))
    assert isinstance(example, Example)
    assert example_id == example.example_id
    assert (example.labeler, example.source) == ("Anthropic/hh-rlhf", "hh-rlhf")
    assert (example.chosen, example.rejected) == (" a", " b")
    assert example.origin == f"{path}:1"


def same_with_turns_apart(transcript):
    """The same turns, but not the same characters: the fast way is not taken."""
    return transcript.replace("Human: ", "Human:  ", 1)


@pytest.mark.parametrize("chosen", [Q + assistant("x"), Q + assistant(""), Q, "hm" + Q, ""])
@pytest.mark.parametrize("rejected", [Q + assistant("y"), Q + assistant("x"), Q, "hm" + Q, ""])
def test_transcripts_that_are_equal_but_for_space_are_compared_alike(chosen, rejected):
    assert compare(chosen, rejected) == compare(chosen, same_with_turns_apart(rejected))


@pytest.mark.skipif(not REAL.exists(), reason="the real HH-RLHF file is not beside the checkout")
def test_the_real_file_loses_only_rows_with_a_fault():
    ingest = read_source(IngestParams(source="hh-rlhf", path=str(REAL)))
    refusals = [row for _, row in ingest if isinstance(row, Refusal)]
    counts = ingest.counts
    assert counts.rows_read == 2312
    assert counts.rows_kept + counts.rows_refused + counts.duplicates == 2312
    assert counts.refused == {
        "empty last reply": 4,
        "transcripts differ before the last reply": 5,
    }
    assert {r.line for r in refusals if r.reason == "empty last reply"} == {87, 517, 926, 1104}
