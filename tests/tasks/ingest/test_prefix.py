"""A file to which rows were appended is read from where it ended before."""

import gzip
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest.prefix import Prefix
from tasks.ingest.read_files import SourceFiles
from tasks.ingest.read_records import read_records
from tasks.ingest.source_file import SourceFile

MARK = b"\xef\xbb\xbf"
json_line = st.sampled_from(
    [
        b'{"a": 1}\n',
        b'{"a": "\xc3\xa9"}\r\n',
        b"\n",
        b"broken\n",
        b"[]\n",
        b"\0\n",
        b'{"a": "\xff"}\n',
    ]
)
csv_line = st.sampled_from(
    [b"1,a\n", b'2,"b"\r\n', b'3,"c\n', b'd"\n', b'"\n', b"\n", b"1\n", b'4,"e" f\n', b'","\n']
)
packings = st.sampled_from([bytes, gzip.compress])


def rows_of(path, content, after=None):
    """Return the rows of a file after a prefix, and what was read of it."""
    path.write_bytes(content)
    with SourceFile(str(path)) as file:
        if after:
            assert file.skip(after)
        rows = list(read_records(file))
        return rows, file.prefix


def check_appended_rows(path, start, appended, pack_first, pack_then):
    """Check that both parts together have the rows of the whole, places and all."""
    before, prefix = rows_of(path, pack_first(start))
    if prefix is None:
        return False
    rest, end = rows_of(path, pack_then(start + appended), after=prefix)
    whole, whole_end = rows_of(path, pack_then(start + appended))
    assert before + rest == whole
    assert end == whole_end
    return True


@given(
    st.sampled_from([b"", MARK]),
    st.lists(json_line, min_size=1, max_size=8),
    st.lists(json_line, max_size=8),
    packings,
    packings,
)
def test_rows_of_json_lines_are_the_same_in_two_parts(
    tmp_path_factory, mark, first, then, pack_first, pack_then
):
    path = tmp_path_factory.mktemp("prefix") / "rows.jsonl"
    start, appended = mark + b"".join(first), b"".join(then)
    assert check_appended_rows(path, start, appended, pack_first, pack_then)


@given(
    st.sampled_from([b"n,text\n", MARK + b"n,text\r\n", b"n;text\n", b'"n\nm",text\n']),
    st.lists(csv_line, max_size=8),
    st.lists(csv_line, max_size=8),
    packings,
    packings,
)
def test_rows_of_csv_are_the_same_in_two_parts(
    tmp_path_factory, header, first, then, pack_first, pack_then
):
    path = tmp_path_factory.mktemp("prefix") / "rows.csv"
    start = header + b"".join(first)
    if b";" in header:
        start = start.replace(b",", b";")
    closed = check_appended_rows(path, start, b"".join(then), pack_first, pack_then)
    assert closed or b'"' in start


def test_the_prefix_is_the_whole_unpacked_content(tmp_path):
    content = MARK + b"n;text\n1;a\n\n"
    _, prefix = rows_of(tmp_path / "rows.csv.gz", gzip.compress(content))
    assert prefix == Prefix(
        num_bytes=3 + 7 + 4 + 1,
        sha256=hashlib.sha256(content).hexdigest(),
        num_lines=3,
        columns=("n", "text"),
        delimiter=";",
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("rows.jsonl", b'{"a": 1}\n{"a": 2}', id="no end of the last line"),
        pytest.param("rows.csv", b"n,text\n1,a", id="no end of the last CSV line"),
        pytest.param("rows.csv", b'n,text\n1,"a\n', id="an open quote"),
        pytest.param("rows.csv", b'n,text\n1,"a\n2,b\n', id="an open quote some lines before"),
        pytest.param("rows.csv", b"\n", id="no header"),
        pytest.param("rows.json", b'[{"a": 1}]\n', id="a JSON array"),
    ],
)
def test_there_is_no_prefix_where_appended_bytes_could_change_what_was_read(
    tmp_path, name, content
):
    assert rows_of(tmp_path / name, content)[1] is None


def test_there_is_no_prefix_before_all_rows_are_read(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n')
    with SourceFile(str(path)) as file:
        next(read_records(file))
        assert file.prefix is None


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(b'{"a": 1}\n', id="shorter"),
        pytest.param(b'{"a": 1}\n{"a": 3}\n{"a": 4}\n', id="changed"),
        pytest.param(b'{"a": 0}\n{"a": 1}\n{"a": 2}\n', id="put in front"),
    ],
)
def test_a_file_that_does_not_go_on_is_read_from_its_start(tmp_path, other, pack):
    path = tmp_path / "rows.jsonl"
    _, prefix = rows_of(path, b'{"a": 1}\n{"a": 2}\n')
    expected, _ = rows_of(path, pack(other))
    with SourceFiles([str(path)]) as files:
        assert not files.skip(prefix)
        assert list(files) == expected
        assert files.prefix.num_bytes == len(other)


def test_nothing_appended_gives_no_rows_and_the_same_prefix(tmp_path):
    path = tmp_path / "rows.csv"
    content = b"n,text\n1,a\n"
    _, prefix = rows_of(path, content)
    assert rows_of(path, content, after=prefix) == ([], prefix)


def test_a_prefix_of_a_long_line_can_be_skipped(tmp_path):
    start = b'{"a": 1}\n' + b"x" * 17_000_000 + b"\n"
    assert check_appended_rows(tmp_path / "rows.jsonl", start, b'{"a": 2}\n', bytes, gzip.compress)


def test_a_header_under_blank_lines_has_the_delimiter_of_its_own_line(tmp_path):
    rows, prefix = rows_of(tmp_path / "rows.csv", b"\n\r\nn\ttext\n1\ta\n")
    assert [row.values for row in rows] == [{"n": "1", "text": "a"}]
    assert prefix.delimiter == "\t"
    assert io.BytesIO(b"\n\r\nn\ttext\n1\ta\n").readlines()[prefix.num_lines - 1] == b"1\ta\n"
