"""Training texts that share a run of words with an evaluation prompt are found, and only they."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curation import ngram_overlap
from tasks.curation.ngram_overlap import OVERLAPS, find_overlaps
from tasks.curation.words import words_of

SCHEMA = pa.schema([("row", pa.int64()), ("text", pa.string())])
PROMPT = " ".join(f"p{number}" for number in range(20))


def rows(*texts, start=0):
    return table([(start + number, text) for number, text in enumerate(texts)])


def table(lines):
    return pa.table([[row for row, _ in lines], [text for _, text in lines]], schema=SCHEMA)


def found(training, evaluation, n=13):
    return [tuple(line.values()) for line in find_overlaps(training, evaluation, n=n).to_pylist()]


def words(first, last):
    return " ".join(f"p{number}" for number in range(first, last))


def test_thirteen_words_in_a_row_overlap_and_twelve_do_not():
    evaluation = rows("nothing of the kind", PROMPT, start=100)
    training = rows(f"so {words(3, 16)} on", f"so {words(3, 15)} on", words(0, 20))
    assert found(training, evaluation) == [(0, 101, words(3, 16)), (2, 101, words(0, 13))]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PROMPT.upper(), id="case"),
        pytest.param(PROMPT.replace(" ", ", "), id="punctuation"),
        pytest.param(PROMPT.replace(" ", "\n\n"), id="white space"),
        pytest.param(PROMPT.replace("p", "\uff50"), id="Unicode form"),
        pytest.param(PROMPT.replace(" ", " \u2014 "), id="dashes"),
    ],
)
def test_spelling_does_not_hide_an_overlap(text):
    assert found(rows(text), rows(PROMPT)) == [(0, 0, words(0, 13))]


@pytest.mark.parametrize(
    ("training", "evaluation", "overlaps"),
    [
        pytest.param("a b c d e f", "A b, c d e f!", True, id="six words, the same text"),
        pytest.param("a b c d e", "a b c d e", False, id="five words"),
        pytest.param("a b c d e f g", "a b c d e f", False, id="a word more"),
        pytest.param("a b c d e f", "a b c d e f g", False, id="a word less"),
        pytest.param("a b c d e f", "f e d c b a", False, id="other order"),
        pytest.param(f"x {words(0, 12)} y", words(0, 12), False, id="a short prompt in a text"),
        pytest.param(words(0, 12), PROMPT, False, id="a short text in a prompt"),
        pytest.param(words(0, 12), words(0, 12), True, id="twelve words, the same text"),
        pytest.param("", "", False, id="nothing"),
    ],
)
def test_texts_shorter_than_a_run_overlap_only_as_a_whole(training, evaluation, overlaps):
    assert bool(found(rows(training), rows(evaluation))) is overlaps


def test_a_row_has_one_line_for_the_first_place_in_its_texts():
    evaluation = rows("a b c d e f", PROMPT)
    training = table(
        [
            (7, "nothing"),
            (7, f"x {words(5, 20)}"),
            (7, "a b c d e f"),
            (3, "a b c d e f"),
            (3, PROMPT),
        ]
    )
    assert found(training, evaluation) == [(7, 1, words(5, 18)), (3, 0, "a b c d e f")]


def test_the_first_evaluation_row_is_told():
    assert found(rows(PROMPT), table([(9, PROMPT), (4, PROMPT), (4, "x")])) == [
        (0, 9, words(0, 13))
    ]


def test_a_run_does_not_reach_into_the_next_text():
    halves = rows(words(0, 10), words(10, 20))
    assert found(halves, rows(PROMPT)) == []
    assert found(rows(PROMPT), halves) == []


@pytest.mark.parametrize(
    ("training", "evaluation"),
    [
        pytest.param(rows(), rows(), id="nothing at all"),
        pytest.param(rows(), rows(PROMPT), id="no training texts"),
        pytest.param(rows(PROMPT), rows(), id="no evaluation texts"),
    ],
)
def test_of_nothing_there_is_an_empty_table(training, evaluation):
    overlaps = find_overlaps(training, evaluation)
    assert overlaps.schema == OVERLAPS
    assert overlaps.num_rows == 0


def test_a_collision_of_hashes_is_no_overlap(monkeypatch):
    """With one hash for all runs every run is a hit, and the words decide."""
    real = ngram_overlap.run_hashes
    monkeypatch.setattr(ngram_overlap, "run_hashes", lambda *of: real(*of) * np.uint64(0))
    assert found(rows("q " * 20), rows(PROMPT)) == []
    assert found(rows(f"q {words(0, 13)}"), rows(words(0, 13))) == [(0, 0, words(0, 13))]


def test_batches_of_a_stream_are_read_one_after_the_other():
    alive = []

    def batches():
        for number in range(5):
            alive.append(number)
            text = PROMPT if number == 3 else "q " * 30
            yield pa.record_batch([[number], [text]], schema=SCHEMA)

    reader = pa.RecordBatchReader.from_batches(SCHEMA, batches())
    assert found(reader, rows(PROMPT)) == [(3, 0, words(0, 13))]
    assert alive == [0, 1, 2, 3, 4]


def test_large_batches_are_taken_in_parts():
    texts = ["q " * 20] * 1_500
    texts[700] = texts[1_400] = PROMPT
    assert [row for row, _, _ in found(rows(*texts), rows(PROMPT))] == [700, 1_400]


TEXTS = st.lists(st.lists(st.sampled_from("ab"), max_size=14).map(" ".join), min_size=0, max_size=8)


@settings(deadline=None)
@given(TEXTS, TEXTS, st.integers(5, 9))
def test_the_same_is_found_as_by_looking_at_every_run(training, evaluation, n):
    def runs(text):
        its = words_of(text)
        if len(its) < n:
            return {tuple(its)} if len(its) >= 6 else set()
        return {tuple(its[at : at + n]) for at in range(len(its) - n + 1)}

    expected = [
        row
        for row, text in enumerate(training)
        if any(runs(text) & runs(prompt) for prompt in evaluation)
    ]
    overlaps = found(rows(*training), rows(*evaluation), n=n)
    assert [row for row, _, _ in overlaps] == expected
    for row, evaluation_row, ngram in overlaps:
        run = tuple(word.encode() for word in ngram.split())
        assert run in runs(training[row])
        assert run in runs(evaluation[evaluation_row])


def test_planted_overlaps_are_found_among_many_texts():
    draw = random.Random(0)

    def text(num_words):
        return " ".join(f"w{draw.randrange(3_000)}" for _ in range(num_words))

    prompts = [text(40) for _ in range(300)]
    texts = [text(200) for _ in range(2_000)]
    for at in range(0, 2_000, 20):
        texts[at] += " " + prompts[at % 300].title()
    overlaps = found(rows(*texts), rows(*prompts))
    assert [(row, prompt) for row, prompt, _ in overlaps] == [
        (at, at % 300) for at in range(0, 2_000, 20)
    ]


@pytest.mark.parametrize(("num_texts", "expected"), [(10, 10), (11, 0)])
def test_a_run_in_more_than_ten_training_texts_is_a_template(num_texts, expected):
    training = rows(*(f"{n} {words(0, 13)} {n}" for n in range(num_texts)))
    assert len(found(training, rows(f"q {words(0, 13)}"))) == expected


@pytest.mark.parametrize(("num_texts", "expected"), [(10, 1), (11, 0)])
def test_a_run_in_more_than_ten_evaluation_texts_is_a_template(num_texts, expected):
    evaluation = rows(*(f"{n} {words(0, 13)} {n}" for n in range(num_texts)))
    assert len(found(rows(f"q {words(0, 13)}"), evaluation)) == expected


def test_what_a_template_does_not_hold_still_counts():
    template = [f"{words(0, 13)} {n}" for n in range(11)]
    own = " ".join(f"o{n}" for n in range(13))
    training = rows(*template, f"{words(0, 13)} {own}")
    (overlap,) = found(training, rows(f"{words(0, 13)} {own}"))
    assert overlap == (11, 0, f"{words(1, 13)} o0")
