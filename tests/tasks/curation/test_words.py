"""Texts become words, words numbers, and runs of words numbers too."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.words import WordHashes, run_hashes, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("Hello, World!", ["hello", "world"], id="case and punctuation"),
        pytest.param("don't stop_now", ["don", "t", "stop", "now"], id="apostrophe, underscore"),
        pytest.param("a\u2019b \u201cC\u201d \u2014 d", ["a", "b", "c", "d"], id="curly quotes"),
        pytest.param("\uff21\uff22 \ufb01n", ["ab", "fin"], id="compatibility forms"),
        pytest.param("Stra\u00dfe STRASSE", ["strasse", "strasse"], id="sharp s"),
        pytest.param("e\u0301te\u0301", ["\u00e9t\u00e9"], id="composed"),
        pytest.param("3.5 km\u00b2", ["3", "5", "km2"], id="digits"),
        pytest.param(
            "\u4f60\u597d\uff0c\u4e16\u754c", ["\u4f60\u597d", "\u4e16\u754c"], id="Chinese"
        ),
        pytest.param("a\ud800b", ["a", "b"], id="lone surrogate"),
        pytest.param(" \t\n", [], id="space"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_words_are_runs_of_letters_and_digits(text, words):
    assert [word.decode() for word in words_of(text)] == words


@given(st.text())
def test_words_of_words_are_the_same_words(text):
    words = words_of(text)
    assert words_of(" ".join(word.decode() for word in words)) == words


def test_a_words_number_is_the_start_of_its_blake2b():
    expected = int.from_bytes(hashlib.blake2b(b"film", digest_size=8).digest())
    assert WordHashes().of([b"film", b"film"]).tolist() == [expected, expected]


def test_a_stream_of_new_words_does_not_fill_memory(monkeypatch):
    monkeypatch.setattr("tasks.curation.words._MAX_KNOWN", 10)
    hashes = WordHashes()
    first = hashes.of([b"%d" % number for number in range(30)])
    assert len(hashes) == 30
    again = hashes.of([b"7"])
    assert again[0] == first[7]
    assert len(hashes) == 1


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=40), st.integers(1, 20))
def test_runs_have_equal_numbers_exactly_if_they_are_the_same_words(words, length):
    numbers = run_hashes(WordHashes().of(words), length).tolist()
    runs = [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
    assert len(numbers) == len(runs)
    assert len(set(numbers)) == len(set(runs))
    assert len(set(zip(numbers, runs, strict=True))) == len(set(runs))


def test_the_numbers_are_kept_as_they_are():
    words = np.array([3, 1, 2], np.uint64)
    run_hashes(words, 3)
    assert words.tolist() == [3, 1, 2]
