import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.normalized_text import normalized


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Hello, World!", "hello world", id="case and punctuation"),
        pytest.param("a\n\n b\tc", "A B C", id="white space"),
        pytest.param("caf\u00e9", "cafe\u0301", id="composed and decomposed"),
        pytest.param("\ufb01ne", "fine", id="ligature"),
        pytest.param("STRASSE", "stra\u00dfe", id="case folding"),
        pytest.param("snake_case", "snake case", id="underscore"),
    ],
)
def test_texts_that_differ_in_form_only_are_equal(one, other):
    assert normalized(one) == normalized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("no 1", "no 2", id="digit"),
        pytest.param("?", "!", id="punctuation alone"),
        pytest.param("ou", "o\u00f9", id="accent"),
    ],
)
def test_texts_that_say_something_else_differ(one, other):
    assert normalized(one) != normalized(other)


@given(st.text())
def test_normalizing_twice_is_normalizing_once(text):
    assert normalized(normalized(text)) == normalized(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_and_unicode_texts_are_treated_alike(text):
    """An accented letter takes the path for Unicode."""
    letters = normalized(text)
    if any(letter.isalnum() for letter in text):
        assert normalized(text + "\u00e9") == letters + "\u00e9"
