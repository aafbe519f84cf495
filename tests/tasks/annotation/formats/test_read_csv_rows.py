"""Comparisons in CSV as people and spreadsheets write it."""

import pytest

from storage.tables.table import Message
from tasks.annotation.formats.formula_cell import escaped_cell, is_dangerous, unescaped_cell
from tasks.annotation.formats.read_comparisons import read_comparisons

HEADER = b"prompt,response_1,response_2,response_3\n"


def read(tmp_path, content):
    path = tmp_path / "made.csv"
    path.write_bytes(content)
    return read_comparisons(path)


@pytest.mark.parametrize("mark", [b",", b";", b"\t"])
def test_columns_are_separated_by_one_of_three_marks(tmp_path, mark):
    text = b"prompt|response_1|response_2|gold\nWhy?|x, y; z|w|2\n"
    rows = read(tmp_path, text.replace(b"x, y; z", b'"x, y; z"').replace(b"|", mark))
    (item,) = rows.items
    assert [response.text for response in item.responses] == ["x, y; z", "w"]
    assert item.gold == "b"


def test_cells_hold_line_ends_and_fewer_answers_than_columns(tmp_path):
    rows = read(tmp_path, HEADER + b'"Why,\r\n""so""?",x,"y\n",\n')
    (item,) = rows.items
    assert item.messages == (Message("user", 'Why,\r\n"so"?'),)
    assert [response.text for response in item.responses] == ["x", "y\n"]


def test_a_prompt_that_is_a_json_list_of_messages_is_a_conversation(tmp_path):
    cell = b'"[{""role"": ""system"", ""content"": ""Be brief.""}, {""role"": ""user"", ""content"": ""?""}]"'
    rows = read(tmp_path, HEADER + cell + b",x,y,\n")
    assert rows.items[0].messages == (Message("system", "Be brief."), Message("user", "?"))


def test_models_stand_in_columns_of_their_own(tmp_path):
    rows = read(tmp_path, b"prompt,response_1,response_2,model_1,model_2\n?,x,y,,gpt\n")
    assert [response.policy for response in rows.items[0].responses] == ["", "gpt"]
    assert [row.policy for row in rows.completions] == ["made:1", "gpt"]


def test_apostrophes_of_a_foreign_file_are_kept(tmp_path):
    rows = read(tmp_path, HEADER + b"'Tis?,'=1,''=1,\n")
    (item,) = rows.items
    assert item.messages[0].content == "'Tis?"
    assert [response.text for response in item.responses] == ["'=1", "''=1"]


def test_each_row_with_a_label_is_one_of_the_comparison(tmp_path):
    text = (
        b"prompt,response_1,response_2,annotator,choice,seconds\n?,x,y,ann,1,2.5\n?,x,y,bo,tie,\n"
    )
    rows = read(tmp_path, text)
    assert rows.refusals == ()
    assert len(rows.items) == 1
    assert rows.items[0].origin == "made.csv:2"
    assert [(row.annotator, row.choice, row.seconds) for row in rows.labels] == [
        ("ann", "a", 2.5),
        ("bo", "tie", 0.0),
    ]


def test_a_choice_by_nobody_is_refused_and_not_lost(tmp_path):
    rows = read(tmp_path, b"prompt,response_1,response_2,annotator,choice\n?,x,y,,1\n")
    assert (len(rows.items), rows.labels) == (1, ())
    assert [row.reason for row in rows.refusals] == ["label: no value for annotator"]


BROKEN = [
    pytest.param(b'"?"x,y,z,\n', "broken quotes", id="a quote inside a cell"),
    pytest.param(b"?,x,y\n", "3 cells under 4 columns", id="a cell too few"),
    pytest.param(b"?,x,y,z,w\n", "5 cells under 4 columns", id="a cell too many"),
    pytest.param(b"\xff,x,y,\n", "invalid Unicode in prompt", id="Latin-1"),
    pytest.param(b"?,x,,\n", "1 responses", id="one answer"),
    pytest.param(b"?,x,,z\n", "empty text for response_2", id="a gap"),
    pytest.param(b",x,y,\n", "empty text for prompt", id="no prompt"),
]


@pytest.mark.parametrize(("row", "reason"), BROKEN)
def test_a_broken_row_is_refused_with_its_place_and_the_next_one_is_read(tmp_path, row, reason):
    rows = read(tmp_path, b"\xef\xbb\xbf" + HEADER + row + b"Why?,x,y,\n")
    assert [item.origin for item in rows.items] == ["made.csv:3"]
    (refusal,) = rows.refusals
    assert refusal.reason.startswith(reason)
    assert (refusal.line, refusal.byte_offset) == (2, 3 + len(HEADER))
    assert refusal.raw == row.rstrip(b"\n").decode(errors="replace")


def test_a_quote_that_is_never_closed_costs_its_line_alone(tmp_path):
    rows = read(tmp_path, HEADER + b'"open,x,y,\n' + b"Why?,x,y,\n" * 2)
    assert [row.reason for row in rows.refusals] == ["broken quotes", "repeats line 3"]
    assert [item.origin for item in rows.items] == ["made.csv:3"]


DANGEROUS = ["=1", "+1", "-1", "@x", "\t1", "\r1", "\n1", "  =1", "\u00a0=1", "\uff1d1", "\uff0b1"]
DANGEROUS += ["\uff0d1", "\uff20x", "\u22121", "\ufeff=1", "\u200b=1", "\x00=1", "=", "\u207a1"]
HARMLESS = ["", "a=1", "1-1", "'=1", " a", "\u2014 a dash", "\U0001f600", "e@x"]


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_formula_gets_an_apostrophe(text):
    assert is_dangerous(text)
    assert escaped_cell(text) == f"'{text}"
    assert unescaped_cell(f"'{text}") == text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_are_no_formula(text):
    assert not is_dangerous(text)


@pytest.mark.parametrize(
    ("text", "cell"),
    [("'=1", "''=1"), ("''=1", "'''=1"), ("'Tis", "'Tis"), ("'", "'"), ("''", "''")],
)
def test_apostrophes_of_a_text_survive(text, cell):
    assert escaped_cell(text) == cell
    assert unescaped_cell(cell) == text
