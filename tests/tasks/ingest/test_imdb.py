"""Reviews from a CSV become prefix prompts and labelled demonstrations."""

import csv
import io
from pathlib import Path

import pytest

from storage.tables.demonstrations import Demonstration
from storage.tables.prompts import Prompt
from storage.tables.quarantine import Refusal
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source
from tasks.ingest.text_prefix import shorten

REAL = Path(__file__).parents[3] / "../shared/data/imdb/IMDB_Dataset_8000.csv.gz"


def csv_bytes(*rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@pytest.fixture
def ingest(tmp_path):
    def read(content, **params):
        path = tmp_path / "reviews.csv"
        path.write_bytes(content)
        return read_source(IngestParams(source="imdb", path=str(path), **params))

    return read


def test_a_review_is_its_prefix_and_the_rest(ingest):
    review = 'One <br /><br />two "three",\nfour five<BR/>six seven eight nine ten.'
    prompt, demonstration = ingest(csv_bytes(["review", "sentiment"], [review, "positive"]))
    start = prompt.messages[0].content
    assert prompt.messages[0].role == "text"
    assert 2 <= len(start.split()) <= 8
    assert start + demonstration.completion == (
        'One two "three", four five six seven eight nine ten.'
    )
    assert demonstration.completion.startswith(" ")
    assert demonstration.label == "positive"
    assert prompt.origin.endswith("reviews.csv:2")


def test_the_prefix_of_a_review_does_not_depend_on_its_neighbours(ingest):
    header = ["review", "sentiment"]
    rows = [[f"word {n} " + "and then some more words follow here", "negative"] for n in range(50)]
    forwards = {row.completion for row in ingest(csv_bytes(header, *rows)) if is_demo(row)}
    backwards = {row.completion for row in ingest(csv_bytes(header, *rows[::-1])) if is_demo(row)}
    assert forwards == backwards
    assert len({len(text.split()) for text in forwards}) > 3


def is_demo(row):
    return isinstance(row, Demonstration)


def test_bad_rows_are_refused_with_line_and_offset(ingest):
    lines = [
        b"review,sentiment\n",
        b"A fine \xff film indeed,positive\n",
        b'"a stray "quote" here",positive\n',
        b"good old\x00 film,positive\n",
        b"neither good nor bad,mixed\n",
        b",positive\n",
        b'"  <br />",positive\n',
        b"Two words,positive\n",
        b"a b c,negative,more\n",
        b"a b c\n",
        b"\n",
        b'"over\ntwo lines it goes",negative\n',
        b"This one is fine.,Positive\n",
        b'"never closed,positive\n',
    ]
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    read = ingest(b"".join(lines))
    refusals = [row for row in read if isinstance(row, Refusal)]
    assert [(r.line, r.byte_offset, r.reason) for r in refusals] == [
        (2, starts[1], "invalid UTF-8"),
        (3, starts[2], "broken quotes"),
        (4, starts[3], "NUL character in column review"),
        (5, starts[4], "sentiment is neither positive nor negative"),
        (6, starts[5], "empty review"),
        (7, starts[6], "empty review"),
        (8, starts[7], "no words after the prefix"),
        (9, starts[8], "wrong number of columns"),
        (10, starts[9], "wrong number of columns"),
        (15, starts[13], "broken quotes"),
    ]
    assert read.counts.rows_kept == 2
    assert read.counts.rows_read == 12


def test_a_byte_order_mark_does_not_hide_the_first_column(ingest):
    content = b"\xef\xbb\xbf" + csv_bytes(["review", "sentiment"], ["a b c d", "positive"])
    assert ingest(content).counts.rows_read == 0
    rows = list(ingest(content))
    assert isinstance(rows[0], Prompt)


def test_a_huge_field_is_refused_and_the_rest_is_read(ingest):
    content = csv_bytes(
        ["review", "sentiment"], ["x " * 100_000, "positive"], ["a b c d", "negative"]
    )
    read = ingest(content)
    refusal, *_ = read
    assert refusal.reason == "field over 128 kB"
    assert len(refusal.raw) == 64_000
    assert read.counts.rows_kept == 1


def test_labels_of_the_hub_are_read_as_sentiments(ingest):
    read = ingest(csv_bytes(["text", "label"], ["a b c d", 1], ["e f g h", 0], ["i j k l", -1]))
    rows = list(read)
    assert [row.label for row in rows if is_demo(row)] == ["positive", "negative"]
    assert read.counts.refused == {"sentiment is neither positive nor negative": 1}


def test_the_same_review_twice_is_one_duplicate(ingest):
    row = ["the same review twice is one too many", "positive"]
    read = ingest(csv_bytes(["review", "sentiment"], row, row))
    assert len(list(read)) == 2
    assert read.counts.duplicates == 1


@pytest.mark.parametrize(
    ("max_words", "expected"),
    [
        pytest.param(0, "a b c. d e f. g", id="all"),
        pytest.param(7, "a b c. d e f. g", id="as long as the text"),
        pytest.param(6, "a b c. d e f.", id="a sentence ends there"),
        pytest.param(5, "a b c.", id="back to the last end"),
        pytest.param(2, "a b", id="no end to go back to"),
    ],
)
def test_a_long_text_is_cut_at_the_end_of_a_sentence(max_words, expected):
    words = ["a", "b", "c.", "d", "e", "f.", "g"]
    assert " ".join(shorten(words, max_words=max_words, min_words=2)) == expected


@pytest.mark.skipif(not REAL.exists(), reason="the real IMDb file is not beside the checkout")
def test_the_real_file_has_only_duplicates_to_complain_about():
    read = read_source(IngestParams(source="imdb", path=str(REAL), max_words=0))
    texts = [row.messages[0].content + row.completion for row in read if is_demo(row)]
    assert read.counts.rows_read == 8000
    assert read.counts.duplicates == 8
    assert read.counts.rows_kept == 7992
    assert not read.counts.refused
    assert not any("<br" in text for text in texts)
