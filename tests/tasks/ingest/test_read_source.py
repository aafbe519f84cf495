"""Sources that can be read, and messages for those that cannot."""

import gzip
import hashlib
import subprocess
import sys

import orjson
import pytest

from storage.input_error import InputError
from storage.tables.examples import EXAMPLES, Example
from storage.tables.quarantine import QUARANTINE, Refusal
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import check_source, read_source, source_fingerprint

ROW = {
    "chosen": "\n\nHuman: q\n\nAssistant: a",
    "rejected": "\n\nHuman: q\n\nAssistant: b",
}
CSV = b"review,sentiment\nA film that is fine.,positive\n"


def hh_rows(num_rows):
    return b"".join(
        orjson.dumps({side: text.replace("q", f"q{n}") for side, text in ROW.items()}) + b"\n"
        for n in range(num_rows)
    )


def remember(told):
    def progress(done, total, note=""):
        told.append((done, total))

    return progress


def test_the_counts_add_up_and_every_row_fits_its_table(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(hh_rows(5) + b"not json\n" + hh_rows(2))
    ingest = read_source(IngestParams(source="hh-rlhf", path=str(path)))
    ids, rows = zip(*ingest, strict=True)
    counts = ingest.counts
    assert counts.rows_read == 8
    assert counts.rows_read == counts.rows_kept + counts.rows_refused + counts.duplicates
    assert (counts.rows_kept, counts.duplicates, counts.refused) == (5, 2, {"invalid JSON": 1})
    for table, kind, num_rows in ((EXAMPLES, Example, 5), (QUARANTINE, Refusal, 1)):
        of_kind = [row for row in rows if isinstance(row, kind)]
        assert len(of_kind) == num_rows
        assert list(table.from_arrow(table.to_arrow(of_kind))) == of_kind
    assert list(ids) == [row.example_id if isinstance(row, Example) else "" for row in rows]


def test_rows_that_stand_where_they_stood_before_are_skipped(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(hh_rows(3))
    params = IngestParams(source="hh-rlhf", path=str(path))
    first = read_source(params)
    before = [row for _, row in first]
    path.write_bytes(hh_rows(5))
    rest = read_source(params, before=first.records.prefix)
    after = [row for _, row in rest]
    assert rest.records.skipped
    assert before + after == [row for _, row in read_source(params)]
    assert [row.line for row in after] == [4, 5]


def test_rows_that_changed_are_all_read_again(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(hh_rows(3))
    params = IngestParams(source="hh-rlhf", path=str(path))
    first = read_source(params)
    list(first)
    path.write_bytes(hh_rows(5).replace(b"q0", b"q9", 1))
    again = read_source(params, before=first.records.prefix)
    assert len(list(again)) == 5
    assert not again.records.skipped


def test_a_limit_reads_the_first_rows_only(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(hh_rows(3) + b"not json\n" + hh_rows(9))
    ingest = read_source(IngestParams(source="hh-rlhf", path=str(path), limit=4))
    assert [row.line for _, row in ingest] == [1, 2, 3, 4]
    assert (ingest.counts.rows_read, ingest.counts.rows_refused) == (4, 1)


def test_progress_goes_from_nothing_to_all_bytes(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(hh_rows(1000)))
    told = []
    ingest = read_source(
        IngestParams(source="hh-rlhf", path=str(path)),
        remember(told),
    )
    list(ingest)
    size = path.stat().st_size
    assert told[0] == (0, size)
    assert told[-1] == (size, size)
    assert told == sorted(told)
    assert len(told) > 3


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        pytest.param("empty.csv", b"", ["empty.csv", "0 bytes"], id="empty"),
        pytest.param("rows.csv", b"review,sentiment\n", ["it holds no row"], id="header only"),
        pytest.param(
            "rows.csv",
            b"Review,sentimnet\nfine,positive\n",
            ["'Review', 'sentimnet'", "review, sentiment", "'sentimnet' looks like 'sentiment'"],
            id="misspelled columns",
        ),
        pytest.param(
            "rows.csv",
            b"text,stars\nfine,4\n",
            ["'text', 'stars'", "sentiment"],
            id="other columns",
        ),
        pytest.param(
            "rows.csv", b"review,review\nfine,4\n", ["names a column twice"], id="a column twice"
        ),
        pytest.param("rows.txt", CSV, [".txt", ".csv"], id="unknown format"),
        pytest.param("rows", CSV, ["nothing", ".csv"], id="no suffix"),
        pytest.param("rows.csv.gz", CSV, ["is no gzip file"], id="gz in name only"),
        pytest.param(
            "rows.csv.gz", gzip.compress(CSV * 99)[:40], ["broken gzip"], id="truncated gzip"
        ),
        pytest.param("rows.csv.gz", gzip.compress(b""), ["it holds no row"], id="nothing packed"),
        pytest.param("rows.json", b'[{"review": ', ["not valid JSON"], id="truncated JSON"),
        pytest.param("rows.json", b'{"review": "x"}', ["list of objects"], id="JSON object"),
        pytest.param("rows.jsonl", b"x\ny\n", ["invalid JSON"], id="no JSON at all"),
        pytest.param(
            "rows.csv", CSV.decode().encode("utf-16"), ["rows.csv", "review"], id="UTF-16"
        ),
    ],
)
def test_a_file_that_cannot_be_used_gives_one_clear_message(tmp_path, name, content, parts):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        check_source(IngestParams(source="imdb", path=str(path)))
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    for part in parts:
        assert part in message


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path):
    (tmp_path / "IMDB Dataset.csv").write_bytes(CSV)
    with pytest.raises(InputError, match=r"did you mean '.*IMDB Dataset\.csv'"):
        check_source(IngestParams(source="imdb", path=str(tmp_path / "IMDB_Dataset.csv")))
    with pytest.raises(InputError, match="its directory '/nowhere' does not exist"):
        check_source(IngestParams(source="imdb", path="/nowhere/x.csv"))


def test_of_a_directory_every_file_must_have_the_columns(tmp_path):
    (tmp_path / "train.csv").write_bytes(CSV)
    params = IngestParams(source="imdb", path=str(tmp_path))
    check_source(params)
    (tmp_path / "votes.csv").write_bytes(b"text,stars\nfine,4\n")
    with pytest.raises(InputError, match=r"votes\.csv has the columns 'text', 'stars'"):
        check_source(params)


def test_a_directory_without_a_source_is_answered_with_its_files(tmp_path):
    (tmp_path / "train.tsv").write_bytes(CSV)
    with pytest.raises(InputError, match=r"looked for \.jsonl.*found train\.tsv"):
        check_source(IngestParams(source="imdb", path=str(tmp_path)))


def test_a_file_that_breaks_off_is_noticed_while_it_is_read(tmp_path):
    """The first rows are fine, so only reading on can tell."""
    noise = b"".join(
        orjson.dumps(ROW | {"noise": hashlib.sha256(bytes([n % 251, n // 251])).hexdigest() * 9})
        + b"\n"
        for n in range(9000)
    )
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(noise)[:-2000])
    params = IngestParams(source="hh-rlhf", path=str(path))
    check_source(params)
    with pytest.raises(InputError, match="broken gzip file"):
        list(read_source(params))


def test_reasoned_answers_of_a_file_that_has_none_are_refused_at_once(tmp_path):
    path = tmp_path / "rows.jsonl"
    row = dict.fromkeys(
        ("situation_id", "correct_label", "incorrect_label", "prompt_text"), "x"
    ) | {"bad_correct_answers": "x", "bad_incorrect_answers": "y"}
    path.write_bytes(orjson.dumps(row))
    with pytest.raises(InputError, match="risk_answers is 'reasoned'"):
        check_source(IngestParams(source="risk", path=str(path), risk_answers="reasoned"))


def test_the_fingerprint_follows_the_bytes_of_the_file(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(CSV)
    params = IngestParams(source="imdb", path=str(path))
    assert source_fingerprint(params) == {"sha256": hashlib.sha256(CSV).hexdigest()}
    path.write_bytes(CSV + b"More of it.,negative\n")
    assert source_fingerprint(params) != {"sha256": hashlib.sha256(CSV).hexdigest()}
    assert source_fingerprint(IngestParams()) == {}
    hub = IngestParams(source="imdb", hub_id="stanfordnlp/imdb", hub_revision="abc")
    assert source_fingerprint(hub) == {"hub_id": "stanfordnlp/imdb", "hub_revision": "abc"}


def test_a_dataset_is_read_through_the_datasets_library(tmp_path):
    """A local dataset directory takes the same way as one on the hub, without a network."""
    (tmp_path / "train.jsonl").write_bytes(
        b'{"text": "A film that is fine.", "label": 1}\n{"text": "A film that drags.", "label": 0}\n'
    )
    params = IngestParams(source="imdb", hub_id=str(tmp_path))
    check_source(params)
    told = []
    ingest = read_source(params, remember(told))
    assert [row.labels for _, row in ingest] == [("positive",), ("negative",)]
    assert told[-1] == (2, 2)
    with pytest.raises(InputError, match="has no split 'test'; it has train"):
        check_source(IngestParams(source="imdb", hub_id=str(tmp_path), hub_split="test"))
    with pytest.raises(InputError, match="'text', 'label', but expected are chosen, rejected"):
        check_source(IngestParams(source="hh-rlhf", hub_id=str(tmp_path)))
    with pytest.raises(InputError, match="is not there"):
        check_source(IngestParams(source="imdb", hub_id=str(tmp_path / "other")))


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"source": "imbd"}, ["'imdb'", "imbd"]),
        ({"source": "imdb"}, ["'imdb'", "path", "hub_id"]),
        ({"source": "imdb", "path": "x", "hub_id": "y"}, ["'x'", "'y'"]),
        ({"source": "reviews", "path": "x.csv"}, ["reviews", "'x.csv'"]),
        ({"max_refused_share": 1.5}, ["max_refused_share", "1.5"]),
        ({"source": "hh-rlhf", "path": "x", "columns": {"prompt": "q"}}, ["columns", "'hh-rlhf'"]),
        ({"min_options": 4, "max_options": 3}, ["4", "3"]),
        ({"min_prefix_words": 9}, ["9", "8"]),
        ({"max_words": 3}, ["3", "8"]),
        ({"num_reviews": 0}, ["num_reviews"]),
        ({"paht": "x"}, ["paht"]),
    ],
)
def test_parameters_that_do_not_fit_are_refused_with_their_values(values, parts):
    with pytest.raises(ValueError, match=r".") as caught:
        IngestParams(**values)
    for part in parts:
        assert part in str(caught.value)


def test_every_parameter_has_a_help_text():
    fields = IngestParams.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_reading_a_local_source_loads_no_model_library():
    code = (
        "import sys, tasks.ingest.read_source\n"
        "print(sorted({'torch', 'datasets', 'transformers', 'prefect'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
