"""A broken row of a CSV file costs the line in which it begins, and no more."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from tasks.ingest.csv_lines import CsvLines
from tasks.ingest.read_csv import _rows, csv_records, delimiter_of
from tasks.ingest.source_file import Line, SourceFile


def records_of(path, content):
    path.write_bytes(content)
    with SourceFile(str(path)) as file:
        return list(csv_records(file))


def shown(records):
    return [(row.line, row.fault or tuple(row.values.values())) for row in records]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b'1,"a,b"\n2,"c""d"\n', [(2, ("1", "a,b")), (3, ("2", 'c"d'))], id="quotes"),
        pytest.param(b'1,"a\nb"\n2,c\n', [(2, ("1", "a\nb")), (4, ("2", "c"))], id="line ends"),
        pytest.param(b"1,a\n\n\r\n2,b", [(2, ("1", "a")), (5, ("2", "b"))], id="blank lines"),
        pytest.param(b'1,a"b"\n', [(2, ("1", 'a"b"'))], id="quotes inside an unquoted field"),
        pytest.param(
            b'1,a\n2,"b\n3,c\n4,"d"\n5,e\n',
            [
                (2, ("1", "a")),
                (3, "broken quotes"),
                (4, ("3", "c")),
                (5, ("4", "d")),
                (6, ("5", "e")),
            ],
            id="unclosed quote before another quote",
        ),
        pytest.param(
            b'1,"a\n2,b\n3,c',
            [(2, "broken quotes"), (3, ("2", "b")), (4, ("3", "c"))],
            id="unclosed quote to the end of the file",
        ),
        pytest.param(
            b'1,"a\n2,"b\n3,"c\n4,"d\ne"\n',
            [(2, "broken quotes"), (3, "broken quotes"), (4, "broken quotes"), (5, ("4", "d\ne"))],
            id="unclosed quotes in a row",
        ),
        pytest.param(
            b'1,"a" b\n2,c\n', [(2, "broken quotes"), (3, ("2", "c"))], id="text after a quote"
        ),
        pytest.param(
            b"1\n1,2,3\n1,a\n",
            [(2, "wrong number of columns"), (3, "wrong number of columns"), (4, ("1", "a"))],
            id="too few and too many columns",
        ),
        pytest.param(
            b'1,a\0\n2,"b\0\nc"\n3,d\n',
            [(2, "NUL byte"), (3, "NUL byte"), (5, ("3", "d"))],
            id="NUL",
        ),
        pytest.param(
            b"1,a\rb\n2,c\r\n",
            [(2, "carriage return inside a row"), (3, ("2", "c"))],
            id="carriage return",
        ),
        pytest.param(b"1,\xff\n2,c\n", [(2, ("1", "\udcff")), (3, ("2", "c"))], id="no UTF-8"),
        pytest.param(b'1,"\n', [(2, "broken quotes")], id="nothing but an open quote"),
    ],
)
def test_rows_and_faults_stand_where_they_stand_in_the_file(tmp_path, content, expected):
    assert shown(records_of(tmp_path / "rows.csv", b"n,text\n" + content)) == expected


def test_a_refused_row_shows_its_own_line_only(tmp_path):
    _, broken, _ = records_of(tmp_path / "rows.csv", b'n,text\n1,a\r\n2,"b\r\n3,c\r\n')
    assert (broken.raw, broken.line, broken.byte_offset) == (b'2,"b', 3, 12)


def test_a_row_over_several_lines_shows_all_of_them(tmp_path):
    (row,) = records_of(tmp_path / "rows.csv", b'n,text\n1,"a\n\n b"\n')
    assert (row.raw, row.line, row.byte_offset) == (b'1,"a\n\n b"', 2, 7)


def test_a_field_may_have_a_million_characters_and_no_more(tmp_path):
    fits = b'"' + b"x" * (1 << 20) + b'"'
    path = tmp_path / "rows.csv"
    content = b"n,text\n1," + fits + b'\n2,"' + fits[1:-1] + b'y"\n3,c\n'
    first, long, last = records_of(path, content)
    assert len(first.values["text"]) == 1 << 20
    assert (long.line, long.fault) == (3, "field over 1 MB")
    assert shown([last]) == [(4, ("3", "c"))]


def test_a_quote_that_swallows_a_million_characters_gives_the_lines_back(tmp_path):
    lines = [f"{n},text {n}" for n in range(120_000)]
    lines[7] = '7,"open'
    rows = records_of(tmp_path / "rows.csv", "\n".join(["n,text", *lines]).encode())
    assert len(rows) == 120_000
    assert [(row.line, row.fault) for row in rows if row.fault] == [(9, "field over 1 MB")]


def test_a_line_that_is_too_long_costs_only_itself(tmp_path):
    content = b'n,text\n1,"a\n2,' + b"x" * 17_000_000 + b"\n3,c\n"
    assert shown(records_of(tmp_path / "rows.csv", content)) == [
        (2, "broken quotes"),
        (3, "line over 16 MB"),
        (4, ("3", "c")),
    ]


@pytest.mark.parametrize(
    "line",
    ['1,"a\n', '"\n', '"""\n', 'a","c\n', '","\n', '"",""\n', 'x,"y\n', '1,"a""\n', "1,2\n"],
)
@pytest.mark.parametrize("start", ["", '1,"open\n'])
def test_no_line_is_read_more_than_twice_however_the_quotes_are_broken(line, start):
    content = [text.encode() for text in ([start] if start else []) + [line] * 5_000]
    lines = CsvLines(Line(number, 0, text) for number, text in enumerate(content, start=2))
    assert len(list(_rows(lines, ","))) <= len(content)
    assert lines.num_taken <= 2 * len(content)


@given(st.lists(st.sampled_from(['"', ",", "a", '""', '",', ',"', "\n", "\n", "b"]), max_size=60))
def test_all_lines_are_accounted_for_and_no_line_is_read_more_than_twice(parts):
    """Every line is part of exactly one row, the first line of a fault, or blank."""
    content = [line.encode() for line in io.StringIO("".join(parts), newline="\n")]
    lines = CsvLines(Line(number, 0, text) for number, text in enumerate(content, start=1))
    seen = []
    for _ in _rows(lines, ","):
        seen += [line.number for line in lines.taken]
    blank = [number for number, text in enumerate(content, start=1) if text == b"\n"]
    assert sorted(set(seen) | set(blank)) == list(range(1, len(content) + 1))
    assert len(seen) == len(set(seen))
    assert lines.num_taken <= 2 * len(content)


fields = st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), max_size=12)


@given(st.lists(st.tuples(fields, fields), max_size=12))
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, rows):
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("n", "text"), *rows])
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    records = records_of(path, written.getvalue().encode())
    assert [tuple(row.values.values()) for row in records] == rows


@given(st.lists(st.tuples(fields, fields), min_size=1, max_size=8), st.data())
def test_rows_before_a_broken_quote_and_plain_rows_after_it_survive(tmp_path_factory, rows, data):
    plain = [f"{n},fine" for n in range(data.draw(st.integers(0, 5)))]
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("n", "text"), *rows])
    content = written.getvalue() + "\n".join(['0,"open', *plain])
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    records = records_of(path, content.encode())
    assert [row.fault for row in records] == [""] * len(rows) + ["broken quotes"] + [""] * len(
        plain
    )


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("a,b", ","),
        ("a;b", ";"),
        ("a\tb", "\t"),
        ('"a,x";b', ";"),
        ('"a;x","b"', ","),
        ("a,b;c", ","),
        ("a;b\tc", ","),
        ("review", ","),
    ],
)
def test_the_header_says_what_separates_fields(header, delimiter):
    assert delimiter_of(header) == delimiter


def test_rows_may_be_separated_by_semicolons_or_tabs(tmp_path):
    path = tmp_path / "rows.csv"
    assert shown(records_of(path, b'\xef\xbb\xbfn;text\n1;"a;b"\n2;c,d\n')) == [
        (2, ("1", "a;b")),
        (3, ("2", "c,d")),
    ]
    assert shown(records_of(path, b"n\ttext\n1\ta, b\n")) == [(2, ("1", "a, b"))]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        pytest.param(b"a,a\n1,2\n", "names a column twice: a, a", id="a name twice"),
        pytest.param(b'a,"b\n1,2\n', "broken quotes", id="broken quotes"),
        pytest.param("n,text\n".encode("utf-16"), "NUL bytes as in UTF-16", id="UTF-16"),
        pytest.param("n,größe\n".encode("latin-1"), "invalid UTF-8", id="Latin-1"),
    ],
)
def test_a_header_that_cannot_be_used_is_told(tmp_path, content, part):
    with pytest.raises(InputError, match=part):
        records_of(tmp_path / "rows.csv", content)


def test_a_file_without_rows_has_none(tmp_path):
    assert records_of(tmp_path / "rows.csv", b"\n\n") == []
    assert records_of(tmp_path / "rows.csv", b"n,text\n") == []
