"""One review a file, whose folder says what it is."""

import pytest

from tasks.ingest.read_records import read_records
from tasks.ingest.record import fault_of
from tasks.ingest.source_file import SourceFile


def record_of(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with SourceFile(str(path)) as file:
        (record,) = read_records(file)
    return record


@pytest.mark.parametrize("sentiment", ["pos", "neg"])
def test_a_review_has_the_sentiment_of_its_folder(tmp_path, sentiment):
    record = record_of(tmp_path / sentiment / "0_9.txt", "A film.<br />\nCaf\u00e9.".encode())
    assert record.values == {"review": "A film.<br />\nCaf\u00e9.", "sentiment": sentiment}
    assert (record.file, record.line) == (str(tmp_path / sentiment / "0_9.txt"), 1)
    assert fault_of(record, ("review", "sentiment")) == ""


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(b"", "empty file", id="empty"),
        pytest.param(b" \n", "empty file", id="blank"),
        pytest.param(b"caf\xe9", "invalid UTF-8", id="Latin-1"),
        pytest.param(b"a\0b", "NUL character in column review", id="NUL"),
        pytest.param(b"x" * 16_000_001, "file over 16 MB", id="too long"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, content, fault):
    record = record_of(tmp_path / "pos" / "0_9.txt", content)
    assert fault_of(record, ("review", "sentiment")) == fault
