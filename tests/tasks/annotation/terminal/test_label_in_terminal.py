"""Labelling a queue by keys that are written down before."""

import io
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.console import Console

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.annotation.terminal.label_in_terminal import label_in_terminal
from tests.tasks.annotation.small_items import small_items
from tests.tasks.annotation.terminal.terminal_queue import terminal_of


def lines_of(shown):
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown).splitlines()


def test_answers_ties_and_skips_become_labels(tmp_path):
    terminal = terminal_of(tmp_path, small_items(5))
    assert terminal.press("1", "2", "t", "B", "s") == 5
    first, second, *others = terminal.labels
    assert first.choice == first.shown_order[0]
    assert second.choice == second.shown_order[1]
    assert [first.worst, second.worst] == [first.shown_order[1], second.shown_order[0]]
    assert [label.choice for label in others] == ["tie", "both_bad", "skip"]
    assert {label.annotator for label in terminal.labels} == {"ann"}
    assert "All comparisons are labelled" in terminal.shown[-1]
    assert "kept for you" not in terminal.last


def test_arrows_choose_the_left_and_the_right_answer(tmp_path):
    terminal = terminal_of(tmp_path)
    terminal.press("\x1b[D", "\x1bOC", "\x1b[C")
    assert [label.shown_order.index(label.choice) for label in terminal.labels] == [0, 1, 1]


def test_the_answers_stand_in_the_order_that_the_label_names(tmp_path):
    items = small_items(24)
    terminal = terminal_of(tmp_path, items)
    terminal.press(*("1" * len(items)))
    by_id = {item.item_id: item for item in items}
    orders = set()
    for label, shown in zip(terminal.labels, terminal.shown, strict=False):
        item = by_id[label.comparison_id]
        places = [shown.index(item.side(letter).text) for letter in label.shown_order]
        assert places == sorted(places)
        orders.add(label.shown_order)
    assert orders == {"ab", "ba"}  # not both by chance: once in 8 million runs


def test_who_wrote_an_answer_and_where_it_comes_from_is_not_shown(tmp_path):
    item = small_items(1)[0]
    item = replace(
        item,
        source="secret-source",
        origin="secret-origin",
        judge="secret-judge",
        judged="a",
        responses=tuple(replace(one, policy="secret-model") for one in item.responses),
    )
    terminal = terminal_of(tmp_path, [item, *small_items(2)[1:]])
    terminal.press("?", "x", "1", "1")
    assert "secret" not in "".join(terminal.shown)


def test_of_three_answers_the_best_and_then_the_worst_are_named(tmp_path):
    terminal = terminal_of(tmp_path, small_items(2, num_responses=3))
    assert terminal.press("3", "3", "1", "9", "2", "\x7f", "1", "2") == 2
    first, second = terminal.labels
    assert (first.choice, first.worst) == (first.shown_order[2], first.shown_order[0])
    assert (second.choice, second.worst) == (second.shown_order[0], second.shown_order[1])
    assert "1 2 3 best" in terminal.shown[0]
    assert "best: answer 3, now the worst" in terminal.shown[1]
    assert "1 2 3 worst" in terminal.shown[1]
    assert "the best answer cannot be the worst" in terminal.shown[2]
    assert "there is no answer 9" in terminal.shown[4]


def test_strength_and_note_belong_to_one_comparison(tmp_path):
    terminal = terminal_of(tmp_path)
    terminal.press("c", "n", "1", "c", "c", "2", "v", "t", notes=["  kinder, \x1b[31m shorter "])
    first, second, third = terminal.labels
    assert (first.strength, first.note) == ("clear", "kinder, \x1b[31m shorter")
    assert (second.strength, second.note) == ("slight", "")
    assert (third.strength, third.note) == (None, "")  # a tie has no strength
    assert "clearly better · note: kinder, ␛[31m shorter" in terminal.shown[2]


def test_a_note_can_be_left_as_it_is_changed_and_taken_away(tmp_path):
    terminal = terminal_of(tmp_path, small_items(1))
    terminal.press("n", "n", "n", "1", notes=["first", "", "second"])
    assert terminal.labels[0].note == "second"
    terminal.press("u", "n", "n", "1", notes=["-"])  # the second note is broken off by Ctrl-C
    assert terminal.labels[0].note == ""


def test_a_long_note_leaves_room_for_the_comparison(tmp_path):
    terminal = terminal_of(tmp_path, small_items(1))
    terminal.press("n", "1", "x", notes=["long " * 1000])
    assert len(lines_of(terminal.shown[1])) < 24
    assert len(terminal.labels[0].note) == 4999


def test_undo_takes_the_last_label_back_and_shows_what_was_said(tmp_path):
    terminal = terminal_of(tmp_path)
    assert terminal.press("c", "n", "1", "u", "v", "2", notes=["why"]) == 1
    (label,) = terminal.labels
    assert (label.choice, label.strength, label.note) == (label.shown_order[1], "slight", "why")
    assert "taken back: answer 1 is best" in terminal.shown[4]
    assert "note: why" in terminal.shown[4]


def test_without_a_label_there_is_nothing_to_undo(tmp_path):
    terminal = terminal_of(tmp_path)
    assert terminal.press("u") == 0
    assert "there is no label of yours to take back" in terminal.shown[1]


def test_the_last_label_of_all_can_be_undone_too(tmp_path):
    terminal = terminal_of(tmp_path, small_items(1))
    assert terminal.press("1", "u", "2", "x") == 1
    (label,) = terminal.labels
    assert label.choice == label.shown_order[1]


@pytest.mark.parametrize("way", ["q", KeyboardInterrupt, EOFError])
def test_who_quits_keeps_the_comparison_and_finds_it_again(tmp_path, way):
    terminal = terminal_of(tmp_path, small_items(2), lease_minutes=12)
    assert terminal.press("1", way) == 1
    assert "kept for you for 12 minutes" in terminal.last
    before = terminal.shown[1]
    assert "1 by you · 1 of 2 labels" in before
    assert terminal.press(name="bo") == 0
    assert "Others have the rest in hand" in terminal.last
    terminal.press("q")
    assert terminal.shown[0] == before


def test_progress_counts_labels_and_seconds(tmp_path):
    terminal = terminal_of(tmp_path)
    times = iter(range(0, 10_000, 7))
    terminal.press("1", "1", clock=lambda: float(next(times)))
    assert "0 by you · 0 of 3 labels" in terminal.shown[0]
    assert "an hour" not in terminal.shown[0]
    assert re.search(
        r"2 by you · 2 of 3 labels · [\d,]+ an hour · median 0\.\d s", terminal.shown[2]
    )


def test_a_choice_before_the_shortest_reading_time_is_told_and_not_taken(tmp_path):
    terminal = terminal_of(tmp_path, min_reading_seconds=60)
    assert terminal.press("1", "q") == 0
    assert "can be answered in" in terminal.shown[1]
    assert terminal.labels == []


def test_a_queue_that_was_closed_hands_nothing_out(tmp_path):
    terminal = terminal_of(tmp_path)

    assert terminal.press("1", "2") == 2
    terminal.queues.close(terminal.queue_id)
    assert terminal.press() == 0
    assert "This queue is closed" in terminal.last


def test_a_queue_that_closes_while_a_comparison_is_in_sight_takes_no_label(tmp_path):
    terminal = terminal_of(tmp_path)
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)

    def close_and_choose():
        terminal.queues.close(terminal.queue_id)
        return "1"

    ann = terminal.queues.annotator("ann")
    assert (
        label_in_terminal(terminal.queues, terminal.queue_id, ann, console, close_and_choose) == 0
    )
    assert "is closed and takes no labels" in console.file.getvalue()
    assert terminal.labels == []


def test_keys_that_come_at_once_are_no_answer(tmp_path):
    terminal = terminal_of(tmp_path)
    assert terminal.press("this answer is best", "12", "11", "q") == 1
    assert all("several keys came at once" in shown for shown in terminal.shown[1:3])


@pytest.mark.parametrize("key", ["x", "0", "9", "é", "\x1b[Z", "\x00", "\ud800"])
def test_other_keys_do_nothing_and_say_so(tmp_path, key):
    terminal = terminal_of(tmp_path)
    assert terminal.press(key, "q") == 0
    assert "is no key here" in terminal.shown[1] or "there is no answer" in terminal.shown[1]
    assert "\x1b[Z" not in terminal.shown[1]


def test_help_shows_all_instructions_and_its_time_does_not_count(tmp_path):
    rules = "\n".join(f"Rule {n}" for n in range(9))
    terminal = terminal_of(tmp_path, instructions=rules)
    terminal.press("?", "x", "q")
    assert "Rule 1" in terminal.shown[0]
    assert "Rule 5" not in terminal.shown[0]
    assert "press ? for all of the instructions" in terminal.shown[0]
    assert "Rule 8" in terminal.shown[1]
    assert "Backspace" in terminal.shown[1]
    assert terminal.shown[2] == terminal.shown[0]


def long_item(count=100):
    item = small_items(1)[0]
    text = "\n".join(f"line {n:03}" for n in range(count))
    return replace(item, responses=(replace(item.responses[0], text=text), item.responses[1]))


def test_a_long_comparison_is_shown_in_pages(tmp_path):
    terminal = terminal_of(tmp_path, [long_item()])
    terminal.press(*[" ", "\x1b[6~", "\r", "\x1b[B", " ", " ", " ", "\x1b[A", "q"])
    pages = [lines_of(shown) for shown in terminal.shown]
    assert all(len(page) < 24 for page in pages)
    numbers = {line for page in pages for line in page if line.startswith("line ")}
    assert numbers == {f"line {n:03}" for n in range(100)}
    assert "space for more" in terminal.shown[0]
    assert "space for more" not in terminal.shown[7]
    for page, following in pairwise(pages[:7]):  # a line stays in sight
        bodies = [one[: one.index("─" * 80)] for one in (page, following)]
        assert set(bodies[0]) & set(bodies[1])


def test_a_comparison_that_fits_has_no_pages(tmp_path):
    terminal = terminal_of(tmp_path)
    terminal.press(" ", "\x1b[A", "q")
    assert "lines" not in terminal.shown[0]
    assert terminal.shown[0] == terminal.shown[1] == terminal.shown[2]


@pytest.mark.parametrize("width", [40, 80, 119, 120, 200])
@pytest.mark.parametrize("num_responses", [2, 4])
def test_no_line_is_wider_than_the_terminal(tmp_path, width, num_responses):
    items = small_items(1, num_responses=num_responses)
    wide = "漢字 " * 90 + "x" * 500 + "\t" * 9 + "👩‍🚀" * 50
    items = [replace(item, messages=(Message("user", wide),)) for item in items]
    terminal = terminal_of(tmp_path, items)
    terminal.width, terminal.height = width, 200
    terminal.press("c", "n", "q", notes=[wide])
    for shown in terminal.shown:
        assert max(map(cell_len, lines_of(shown))) <= width


def test_two_answers_stand_side_by_side_where_120_columns_are(tmp_path):
    terminal = terminal_of(tmp_path)
    terminal.width = 120
    terminal.press("q")
    rows = lines_of(terminal.shown[0])
    beside = [row for row in rows if "Answer 1" in row and "Answer 2" in row]
    assert len(beside) == 1
    terminal.width = 119
    terminal.press("q")
    assert not [
        row for row in lines_of(terminal.shown[0]) if "Answer 1" in row and "Answer 2" in row
    ]


EVIL = [
    pytest.param("\x1b]0;owned\x07\x1b[2J\x1b[31mred", "␛]0;owned␇␛[2J␛[31mred", id="escapes"),
    pytest.param("\x9b31m", "<U+009B>31m", id="an escape of one character"),
    pytest.param("safe\rgone", "safe\ngone", id="a carriage return"),
    pytest.param("a\bb\x00c\x7f", "a␈b␀c␡", id="backspace, NUL and delete"),
    pytest.param("\u202egnp.exe\u2069", "<U+202E>gnp.exe<U+2069>", id="right to left"),
    pytest.param("[bold red]x[/] [link=file:///]y", "[bold red]x[/] [link=file:///]y", id="markup"),
    pytest.param(":smile: 12 true", ":smile: 12 true", id="names of emoji"),
    pytest.param("a\u200bb\ufeff", "a<U+200B>b<U+FEFF>", id="without width"),
    pytest.param("e" + "\u0301" * 50, "e" + "\u0301" * 4, id="a pile of accents"),
    pytest.param("\U000e0041x", "<U+E0041>x", id="tags"),
]


@pytest.mark.parametrize(("text", "seen"), EVIL)
def test_no_text_acts_on_the_terminal(tmp_path, text, seen):
    item = small_items(1)[0]
    evil = replace(
        item,
        messages=(Message("user", text),),
        responses=tuple(replace(one, text=text + one.completion_id) for one in item.responses),
    )
    terminal = terminal_of(tmp_path, [evil], instructions=text)
    terminal.press("q")
    shown = "\n".join(lines_of(terminal.shown[0]))
    assert shown.count(seen) == 4
    controls = set(re.findall(r"\x1b.{0,2}|[\x00-\x09\x0b-\x1f\x7f-\x9f]", terminal.shown[0]))
    assert controls <= {"\x1b[2", "\x1b[H"}  # those of clearing the screen


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_letters_spelled_out(tmp_path, encoding):
    items = [replace(small_items(1)[0], messages=(Message("user", "漢é?" * 30),))]
    terminal = terminal_of(tmp_path, items)
    terminal.encoding = encoding
    terminal.press("1", "x")
    assert r"\u6f22" in terminal.shown[0]
    assert "-- answer 1 --" in terminal.shown[0]
    assert max(map(len, lines_of(terminal.shown[0]))) <= 80


def test_a_megabyte_is_shown(tmp_path):
    item = small_items(1)[0]
    texts = ("x" * 500_000 + " " + "word " * 100_000, "漢" * 300_000)
    item = replace(
        item,
        responses=tuple(
            replace(one, text=text) for one, text in zip(item.responses, texts, strict=True)
        ),
    )
    terminal = terminal_of(tmp_path, [item])
    assert terminal.press(" ", "1", "x") == 1
    # 6,250 lines of x, of which the last is full, 6,250 of 16 words, 7,500 of 40 characters
    assert re.search(r"lines 1-\d+ of 20,00\d, space for more", terminal.shown[0])


def test_an_output_that_is_no_terminal_is_told(tmp_path):
    terminal = terminal_of(tmp_path)
    console = Console(file=io.StringIO(), force_terminal=False)
    ann = terminal.queues.annotator("ann")
    with pytest.raises(InputError, match="the output is no terminal"):
        label_in_terminal(terminal.queues, terminal.queue_id, ann, console, lambda: "q")


def test_a_label_that_cannot_be_saved_is_told_and_can_be_given_again(tmp_path):
    terminal = terminal_of(tmp_path)

    class Failing:
        """Queues whose disk is full once."""

        def __init__(self):
            self.failed = False

        def __getattr__(self, name):
            return getattr(terminal.queues, name)

        def give(self, *args):
            if not self.failed:
                self.failed = True
                raise OSError("no space left on device")
            return terminal.queues.give(*args)

    other = replace(terminal, queues=Failing())
    assert other.press("1", "1", "q") == 1
    assert "not saved (no space left on device); press the key again" in other.shown[1]
