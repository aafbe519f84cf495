"""Lines of plain and packed files, in memory that does not grow with them."""

import gzip
import hashlib
import tracemalloc

import pytest

from storage.input_error import InputError
from tasks.ingest.source_file import MAX_LINE_BYTES, Line, SourceFile

MARK = b"\xef\xbb\xbf"


def write(folder, content, name="rows.jsonl"):
    path = folder / name
    path.write_bytes(content)
    return str(path)


def lines_of(path):
    with SourceFile(path) as file:
        return list(file.lines())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"a\nbc\n", [(1, 0, b"a\n"), (2, 2, b"bc\n")], id="two lines"),
        pytest.param(b"a\nbc", [(1, 0, b"a\n"), (2, 2, b"bc")], id="no end of the last line"),
        pytest.param(b"a\r\n\r\nb", [(1, 0, b"a\r\n"), (2, 3, b"\r\n"), (3, 5, b"b")], id="CRLF"),
        pytest.param(MARK + b"a\nb", [(1, 3, b"a\n"), (2, 5, b"b")], id="byte order mark"),
        pytest.param(MARK, [(1, 3, b"")], id="nothing but a byte order mark"),
        pytest.param(b"a\n" + MARK + b"b", [(1, 0, b"a\n"), (2, 2, MARK + b"b")], id="later mark"),
        pytest.param(b"a\0b\x85\n", [(1, 0, b"a\0b\x85\n")], id="odd bytes"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_lines_have_numbers_and_offsets_in_the_unpacked_content(tmp_path, content, expected, pack):
    assert lines_of(write(tmp_path, pack(content))) == [Line(*line) for line in expected]


def test_a_file_of_several_packed_members_is_one_stream(tmp_path):
    path = write(tmp_path, gzip.compress(b"a\nb") + gzip.compress(b"c\n"), "rows.jsonl.gz")
    assert [line.content for line in lines_of(path)] == [b"a\n", b"bc\n"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["LF", "CRLF", "end of file"])
def test_of_a_line_that_is_too_long_only_the_start_is_held(tmp_path, end):
    long = b"0123456789" * 5_000_000
    path = write(tmp_path, b"before\n" + long + end + (b"after\n" if end else b""))
    tracemalloc.start()
    with SourceFile(path) as file:
        first, line, *others = file.lines()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert first == Line(1, 0, b"before\n")
    assert line == Line(2, 7, long[:64_000], hashlib.sha256(long).hexdigest())
    after = [Line(3, 7 + len(long) + len(end), b"after\n")]
    assert others == (after if end else [])
    assert peak < 3 * MAX_LINE_BYTES < len(long)


def test_a_line_of_just_the_longest_length_is_held(tmp_path):
    content = b"x" * MAX_LINE_BYTES
    assert [len(line.content) for line in lines_of(write(tmp_path, content))] == [MAX_LINE_BYTES]
    assert lines_of(write(tmp_path, content + b"\n")) == [Line(1, 0, content + b"\n")]
    assert [bool(line.sha256) for line in lines_of(write(tmp_path, content + b"x\ny"))] == [
        True,
        False,
    ]


def test_the_half_end_of_a_long_line_at_the_edge_of_a_block_is_no_part_of_its_hash(tmp_path):
    """The rest is read in blocks; wherever one ends, CR and LF are no part of the line."""
    for extra in range(3):
        long = b"x" * (MAX_LINE_BYTES + 1 + (1 << 19) - 2 + extra)
        line, after = lines_of(write(tmp_path, long + b"\r\ny\n"))
        assert line.sha256 == hashlib.sha256(long).hexdigest()
        assert after == Line(2, len(long) + 2, b"y\n")


def test_carriage_returns_inside_a_long_line_count(tmp_path):
    long = b"x" * (MAX_LINE_BYTES + 1 + (1 << 19) - 1) + b"\ry" + b"\r" * 9 + b"z"
    (line,) = lines_of(write(tmp_path, long + b"\n"))
    assert line.sha256 == hashlib.sha256(long).hexdigest()


def test_progress_is_told_in_bytes_as_they_are_stored(tmp_path):
    content = b"".join(
        hashlib.sha256(bytes([n % 256])).hexdigest().encode() + b"\n" for n in range(99)
    )
    path = write(tmp_path, gzip.compress(content * 99), "rows.jsonl.gz")
    with SourceFile(path) as file:
        assert file.bytes_read == 0
        list(file.lines())
        assert file.bytes_read == file.num_bytes > 0


def test_a_packed_file_that_breaks_off_yields_what_is_whole(tmp_path):
    noise = b"".join(
        hashlib.sha256(bytes([n % 256, n // 256])).hexdigest().encode() + b"\n"
        for n in range(60_000)
    )
    path = write(tmp_path, gzip.compress(noise)[:-100], "rows.jsonl.gz")
    with SourceFile(path) as file:
        lines = file.lines()
        assert next(lines).content == noise[:65]
        with pytest.raises(InputError, match=r"broken gzip file .* fetch or pack it again"):
            list(lines)
        assert file.prefix_so_far() is None


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path):
    write(tmp_path, b"x", "train.jsonl")
    with pytest.raises(InputError, match=r"did you mean '.*train\.jsonl'"):
        SourceFile(str(tmp_path / "tran.jsonl"))
    with pytest.raises(InputError, match="is a directory"):
        SourceFile(str(tmp_path))
    with pytest.raises(InputError, match="is no gzip file"):
        SourceFile(write(tmp_path, b"x", "rows.jsonl.gz"))
