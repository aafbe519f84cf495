"""Keys, lines and seconds of a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size

from tasks.annotation.terminal.keys import key_in
from tasks.annotation.terminal.stopwatch import Stopwatch
from tasks.annotation.terminal.visible_text import visible
from tasks.annotation.terminal.wrapped_lines import wrapped_lines

KEYS = [
    ("1", "1"),
    ("T", "t"),
    ("\x1b", "back"),
    ("\x7f", "back"),
    ("\x1b[A", "up"),
    ("\x1bOB", "down"),
    ("\x1b[6~", "down"),
    (" ", "down"),
    ("\r", "down"),
    ("\x1b[D", "left"),
    ("\x1b[1;5C", "\x1b[1;5c"),
    ("   ", "down"),
    ("\x1b[C\x1b[C", "right"),
    ("12", None),
    ("\x1b[C\x1b[D", None),
    ("tie", None),
]


@pytest.mark.parametrize(("pressed", "key"), KEYS)
def test_keys_have_names_and_several_at_once_have_none(pressed, key):
    assert key_in(pressed) == key


WRAPPED = [
    pytest.param("", [""], id="nothing"),
    pytest.param("12345", ["12345"], id="what fits"),
    pytest.param("123 45", ["123", "45"], id="broken at the space"),
    pytest.param("12345 6", ["12345", "6"], id="a space right at the end"),
    pytest.param("1234567", ["12345", "67"], id="a word that is too long"),
    pytest.param("    if x", ["    i", "f x"], id="indentation stays"),
    pytest.param("a\n\nb", ["a", "", "b"], id="empty lines stay"),
    pytest.param("\tx", ["    x"], id="a tab"),
    pytest.param("漢字漢字", ["漢字", "漢字"], id="two cells a character"),
]


@pytest.mark.parametrize(("text", "lines"), WRAPPED)
def test_lines_are_broken_at_five_cells(text, lines):
    assert wrapped_lines(text, 5) == lines


plain = st.text(st.sampled_from("ab 漢é\u0301\n"), max_size=60)


@given(plain, st.integers(2, 12))
def test_lines_fit_and_lose_nothing_but_spaces_at_their_ends(text, width):
    lines = wrapped_lines(text, width)
    assert all(sum(map(get_character_cell_size, line)) <= width for line in lines)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")


@given(st.text(st.characters(categories=["C", "Z", "L"]), max_size=40))
def test_what_is_shown_holds_no_control_character_and_stays_as_it_is(text):
    shown = visible(text, "utf-8")
    assert not [one for one in shown if one not in {"\n", "\t"} and one < " "]
    assert visible(shown, "utf-8") == shown


def test_scripts_and_emoji_that_need_joiners_keep_them():
    for text in ("\u0645\u06cc\u200c\u062e\u0648", "👩\u200d🚀", "é", "e\u0301", "שלום"):
        assert visible(text, "utf-8") == text


def test_a_pause_of_more_than_two_minutes_counts_as_two():
    times = iter([0.0, 5.0, 1000.0, 1001.0, 1500.0, 1502.0])
    watch = Stopwatch(lambda: next(times))
    assert watch.lap() == 5.0
    assert watch.lap() == 125.0
    assert watch.lap() == 126.0
    watch.leave_out()
    assert watch.lap() == 128.0
