"""Rows of JSON files, and which formats there are."""

import gzip
import hashlib
from pathlib import Path

import orjson
import pytest

from storage.input_error import InputError
from tasks.ingest import read_json
from tasks.ingest.read_records import format_of, read_records
from tasks.ingest.record import refuse
from tasks.ingest.source_file import SourceFile

SHARED = Path(__file__).parents[3] / "../shared/data"


def records_of(path):
    with SourceFile(str(path)) as file:
        return list(read_records(file))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        pytest.param(b'{"a": "\xff"}', "invalid UTF-8", id="invalid UTF-8"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', "invalid UTF-8", id="surrogate in UTF-8"),
        pytest.param(b'{"a": "\0"}', "NUL byte", id="NUL"),
        pytest.param(b"\0\0\0", "NUL byte", id="a hole in the file"),
        pytest.param(b'{"a": 1', "invalid JSON", id="cut"),
        pytest.param(b'{"a": 1} {"a": 2}', "invalid JSON", id="two objects"),
        pytest.param(b'{"a": NaN}', "invalid JSON", id="NaN"),
        pytest.param(b'{"a": "\\ud800"}', "invalid JSON", id="lone surrogate"),
        pytest.param(b"[1]", "not a JSON object", id="list"),
        pytest.param(b'"a"', "not a JSON object", id="string"),
        pytest.param(b"null", "not a JSON object", id="null"),
        pytest.param(b'{"a": 1e999}', "JSON number out of range", id="infinite number"),
        pytest.param(
            b'{"a": ' + b"[" * 2000 + b"]" * 2000 + b"}", "JSON nested too deeply", id="deep"
        ),
    ],
)
def test_a_line_that_cannot_be_read_costs_only_itself(tmp_path, line, fault):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": "b"}\n' + line + b'\n \n\n{"a": "c"}')
    first, broken, last = records_of(path)
    assert (first.values, first.fault) == ({"a": "b"}, "")
    assert (broken.values, broken.fault, broken.raw) == ({}, fault, line)
    assert (broken.line, broken.byte_offset) == (2, 11)
    assert (last.values, last.line) == ({"a": "c"}, 5)


def test_of_a_key_that_stands_twice_the_last_value_counts(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1, "a": 2, "b": 123456789012345678901234567890}')
    assert records_of(path)[0].values == {"a": 2, "b": 123456789012345678901234567890.0}


def test_a_line_that_is_too_long_is_refused_with_the_hash_of_all_of_it(tmp_path):
    """The start of such a line may even be valid by itself."""
    long = b'{"a": 1}' + b" " * 49_999_999 + b"x"
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 0}\n' + long + b'\n{"a": 2}\n', compresslevel=1))
    first, refused, last = records_of(path)
    assert refused.fault == "line over 16 MB"
    assert refused.values == {}
    refusal = refuse(refused, "risk", refused.fault)
    assert refusal.raw_sha256 == hashlib.sha256(long).hexdigest()
    assert len(refusal.raw) <= 64_000
    assert (first.values, last.values, last.line) == ({"a": 0}, {"a": 2}, 3)


def test_a_json_array_is_read_by_its_items(tmp_path):
    path = tmp_path / "rows.json"
    path.write_bytes(b'\xef\xbb\xbf [{"a": 1},\n 7, {"a": 2}]\n')
    assert [(row.line, row.values, row.fault) for row in records_of(path)] == [
        (1, {"a": 1}, ""),
        (2, {}, "not a JSON object"),
        (3, {"a": 2}, ""),
    ]


def test_a_json_file_may_hold_one_object_a_line(tmp_path):
    """SHP's train.json does."""
    path = tmp_path / "train.json"
    path.write_bytes(b'{"a": 1}\n{"a": \n{"a": 2}\n')
    assert [(row.line, row.values, row.fault) for row in records_of(path)] == [
        (1, {"a": 1}, ""),
        (2, {}, "invalid JSON"),
        (3, {"a": 2}, ""),
    ]


@pytest.mark.parametrize(
    "content", [b'{"a": 1}', b'{"a": 1}\n', b'{\n"a": 1\n}', b'{"a":\n{"b": 1}\n}']
)
def test_a_lone_json_object_is_no_source(tmp_path, content):
    path = tmp_path / "rows.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="list of objects is expected"):
        records_of(path)


def test_a_json_array_that_is_too_large_is_refused_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(read_json, "MAX_ARRAY_BYTES", 889)
    path = tmp_path / "rows.json.gz"
    array = orjson.dumps([{"a": 1}] * 111)
    assert len(array) == 111 * 7 + 110 + 2 == 889
    path.write_bytes(gzip.compress(array))
    assert len(records_of(path)) == 111
    path.write_bytes(gzip.compress(array + b" "))
    with pytest.raises(InputError, match=r"more than 889 bytes.*\.jsonl"):
        records_of(path)


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.touch()
    with pytest.raises(InputError, match="0 bytes"):
        records_of(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", ".jsonl"),
        ("a.b.JSONL.GZ", ".jsonl"),
        ("a.json", ".json"),
        ("a.Csv.gz", ".csv"),
        ("a.parquet", ".parquet"),
        ("a.xlsx", ".xlsx"),
    ],
)
def test_the_format_is_the_end_of_the_name(name, expected):
    assert format_of(name) == expected


@pytest.mark.parametrize(
    "name", ["a.parquet.gz", "a.xlsx.gz", "a.txt", "a", ".csv", "a.gz", "a.xls"]
)
def test_other_names_are_refused_with_the_formats_that_are_read(name):
    with pytest.raises(InputError, match=r"read are \.jsonl, \.json, \.csv, \.parquet, \.xlsx"):
        format_of(name)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not on this machine")
@pytest.mark.parametrize(
    ("name", "num_rows"),
    [
        ("hh-rlhf/harmless-base/test.jsonl.gz", 2312),
        ("imdb/IMDB_Dataset_8000.csv.gz", 8000),
        ("risk/2026_03_22_low_stakes_training_set_600_situations_with_CoTs_lin_only.csv.gz", 600),
        ("xstest/xstest_prompts.csv", 450),
    ],
)
def test_every_row_of_public_data_sets_can_be_read(name, num_rows):
    records = records_of(SHARED / name)
    assert len(records) == num_rows
    assert {record.fault for record in records} == {""}
