"""Rows of Parquet files, and files that are not what they seem."""

import datetime as dt

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.input_error import InputError
from tasks.ingest import read_parquet
from tasks.ingest.read_records import read_records
from tasks.ingest.source_file import SourceFile


def write(folder, columns, **options):
    path = folder / "rows.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def records_of(path):
    with SourceFile(str(path)) as file:
        return list(read_records(file))


def test_lines_count_rows_over_row_groups_and_batches(tmp_path):
    texts = [f"text {n}" for n in range(5_000)]
    records = records_of(write(tmp_path, {"text": texts}, row_group_size=1_300))
    assert [record.line for record in records] == list(range(1, 5_001))
    assert [record.values for record in records] == [{"text": text} for text in texts]
    assert records[1].raw == b'{"text":"text 1"}'
    assert not any(record.fault or record.byte_offset for record in records)


def test_conversations_are_lists_of_dicts(tmp_path):
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    (record,) = records_of(write(tmp_path, {"chosen": [turns]}))
    assert record.values == {"chosen": turns}
    assert orjson.loads(record.raw) == {"chosen": turns}


def test_values_that_json_does_not_know_are_shown_as_text(tmp_path):
    day = dt.date(2026, 1, 2)
    columns = {"day": [day], "bytes": [b"\xff"], "score": [float("nan")], "no": [None]}
    (record,) = records_of(write(tmp_path, columns))
    assert record.values["day"] == day
    assert record.raw == b'{"day":"2026-01-02","bytes":"b\'\\\\xff\'","score":null,"no":null}'


def test_a_row_that_cannot_be_read_costs_only_itself(tmp_path):
    broken = pa.array([b"fine", b"\xff", b"also fine"]).view(pa.string())
    far = pa.array([0, 0, 2**62], pa.int64()).cast(pa.timestamp("us"))
    records = records_of(write(tmp_path, {"text": broken, "at": far}))
    assert [record.fault for record in records] == ["", "invalid UTF-8", "value out of range"]
    assert [record.line for record in records] == [1, 2, 3]


def test_progress_goes_from_nothing_to_all(tmp_path):
    path = write(tmp_path, {"text": ["x"] * 600})
    with SourceFile(str(path)) as file:
        told = [file.bytes_read]
        told += [file.bytes_read for _ in read_records(file)]
        assert file.bytes_read == file.num_bytes
    assert told == sorted(told)
    assert len(set(told)) == 3


def test_a_file_without_rows_has_none(tmp_path):
    assert records_of(write(tmp_path, {"text": pa.array([], pa.string())})) == []


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-1], id="cut"),
        pytest.param(lambda content: content[:100], id="no footer"),
        pytest.param(lambda _: b"chosen,rejected\n", id="another format"),
        pytest.param(lambda content: content[:-30] + b"\xff" * 22 + content[-8:], id="footer"),
        pytest.param(lambda content: content[:4] + bytes(400) + content[404:], id="pages"),
    ],
)
def test_a_broken_file_is_told(tmp_path, damage):
    path = write(tmp_path, {"text": [f"text {n}" for n in range(999)]}, use_dictionary=False)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        InputError, match=r"rows\.parquet is a broken Parquet file .* write it again"
    ):
        records_of(path)


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(read_parquet, "MIN_BOMB_BYTES", 1_000_000)
    path = write(tmp_path, {"text": ["x" * 2_000_000]}, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 10_000
    with pytest.raises(
        InputError, match=r"has [\d,]+ bytes, but would unpack to [2-9],\d{3},\d{3}"
    ):
        records_of(path)


def test_a_small_file_may_be_packed_well(tmp_path):
    path = write(tmp_path, {"text": ["x" * 2_000_000]}, compression="zstd", use_dictionary=False)
    assert len(records_of(path)) == 1


def test_a_row_group_that_does_not_fit_into_memory_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(read_parquet, "MAX_GROUP_BYTES", 10_000)
    texts = [f"{n:08}" for n in range(3_000)]
    path = write(tmp_path, {"text": texts}, compression="none", use_dictionary=False)
    with pytest.raises(InputError, match=r"row group of 3\d,\d{3} .* up to 10,000; .* smaller row"):
        records_of(path)
    path = write(tmp_path, {"text": texts}, row_group_size=500, use_dictionary=False)
    assert len(records_of(path)) == 3_000


def test_fewer_rows_are_held_at_a_time_where_rows_are_long(tmp_path):
    few = write(tmp_path, {"text": ["x" * 4_000_000] * 8}, use_dictionary=False)
    assert read_parquet._batch_rows(pq.read_metadata(few)) == 3
    many = write(tmp_path, {"text": ["x"] * 8})
    assert read_parquet._batch_rows(pq.read_metadata(many)) == 256
