"""What bad input costs: a bad row only itself, a bad file one clear message and nothing else."""

import gzip
import hashlib
import io
import os
import tracemalloc
from dataclasses import dataclass, field

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.examples import EXAMPLES, Example
from storage.tables.quarantine import QUARANTINE, Refusal
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source
from tasks.ingest.record import MAX_RAW_BYTES
from tasks.ingest.source_file import MAX_LINE_BYTES
from tasks.ingest.task import ingest_task

pytestmark = [
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("ignore:Logger 'prefect.task_runs' attempted:UserWarning"),
]
MARK = b"\xef\xbb\xbf"
HEADER = b"prompt,chosen,rejected\n"
A, B, C = ({"prompt": name, "chosen": "yes", "rejected": "no"} for name in "abc")


def json_row(row):
    return orjson.dumps(row) + b"\n"


def json_text(prompt):
    """Return a row whose prompt stands as these bytes between the quotes."""
    return b'{"prompt": "' + prompt + b'", "chosen": "yes", "rejected": "no"}'


def csv_row(row):
    return ",".join(row.values()).encode() + b"\n"


def params_of(path, **params):
    return IngestParams(**{"source": "preferences", "path": str(path)} | params)


def ingest(path, root, **params):
    """Return the examples and the refusals that an ingest leaves in a store."""
    outputs = ingest_task(params_of(path, max_refused_share=1, **params), str(root)).outputs
    store = open_store(root)
    return [store.rows(table, store.get(outputs[table.name])) for table in (EXAMPLES, QUARANTINE)]


def read(path):
    """Return the examples and the refusals of a file as they come back from their tables."""
    rows = [row for _, row in read_source(params_of(path))]
    return [
        list(table.from_arrow(table.to_arrow([row for row in rows if isinstance(row, kind)])))
        for table, kind in ((EXAMPLES, Example), (QUARANTINE, Refusal))
    ]


def prompts_of(examples):
    return [example.messages[0].content for example in examples]


@dataclass
class BadRow:
    """Bytes of one row between two good ones, and what is expected of it.

    Without a `byte_offset` the row begins where the bytes before it end.
    """

    content: bytes
    reason: str
    name: str = "rows.jsonl"
    before: bytes = field(default_factory=lambda: json_row(A))
    after: bytes = field(default_factory=lambda: json_row(C))
    line: int = 2
    byte_offset: int | None = None
    end: bytes = b"\n"
    pack: object = bytes


def bad_csv_row(content, reason, **expected):
    given = {"name": "rows.csv", "line": 3, "before": HEADER + csv_row(A), "after": csv_row(C)}
    return BadRow(content, reason, **given | expected)


def two_members(content):
    middle = content.index(b"\n") + 9  # in the middle of the second row
    return gzip.compress(content[:middle]) + gzip.compress(content[middle:])


NOT_A_ROW = b"not a row"
BAD_ROWS = {
    "invalid UTF-8": BadRow(json_text(b"caf\xe9"), "invalid UTF-8"),
    "UTF-8 in too many bytes": BadRow(json_text(b"\xc0\x80"), "invalid UTF-8"),
    "UTF-8 of a lone surrogate": BadRow(json_text(b"\xed\xa0\x80"), "invalid UTF-8"),
    "a NUL byte": BadRow(json_text(b"a\0b"), "NUL byte"),
    "an escaped NUL": BadRow(json_text(b"a\\u0000b"), "NUL character in column prompt"),
    "an escaped lone surrogate": BadRow(json_text(b"a\\ud800b"), "invalid JSON"),
    "a later byte order mark": BadRow(MARK + json_text(b"b"), "invalid JSON"),
    "text that is no JSON": BadRow(NOT_A_ROW, "invalid JSON"),
    "a row that breaks off": BadRow(json_text(b"b")[:-9], "invalid JSON"),
    "two rows on a line": BadRow(json_text(b"b") * 2, "invalid JSON"),
    "a list": BadRow(b'["b", "yes", "no"]', "not a JSON object"),
    "a number that is infinite": BadRow(
        json_text(b'b", "margin": 1e999, "x": "'), "JSON number out of range"
    ),
    "a number of 5,000 digits": BadRow(
        json_text(b'b", "margin": ' + b"9" * 5_000 + b', "x": "'), "JSON number out of range"
    ),
    "not a number": BadRow(json_text(b'b", "margin": NaN, "x": "'), "invalid JSON"),
    "a hundred thousand brackets": BadRow(
        json_text(b'b", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "y": "'),
        "JSON nested too deeply",
    ),
    "no rejected answer": BadRow(
        b'{"prompt": "b", "chosen": "yes"}', "no value in column rejected"
    ),
    "a number for an answer": BadRow(
        b'{"prompt": "b", "chosen": 1, "rejected": "no"}', "column chosen is no text"
    ),
    "100 kB that are no JSON": BadRow("é".encode() * 50_000, "invalid JSON"),
    "CRLF": BadRow(NOT_A_ROW, "invalid JSON", end=b"\r\n"),
    "a byte order mark before it": BadRow(
        NOT_A_ROW, "invalid JSON", before=MARK, line=1, byte_offset=3
    ),
    "blank lines before it": BadRow(
        NOT_A_ROW, "invalid JSON", before=b"\n \n" + json_row(A), line=4
    ),
    "packed": BadRow(NOT_A_ROW, "invalid JSON", name="rows.jsonl.gz", pack=gzip.compress),
    "packed as two members": BadRow(
        NOT_A_ROW, "invalid JSON", name="rows.jsonl.gz", pack=two_members
    ),
    "CSV: a quote that is not closed": bad_csv_row(b'b,"yes,no', "broken quotes"),
    "CSV: text after a quote": bad_csv_row(b'b,"yes" or,no', "broken quotes"),
    "CSV: too many fields": bad_csv_row(b"b,yes,no,maybe", "wrong number of columns"),
    "CSV: too few fields": bad_csv_row(b"b,yes", "wrong number of columns"),
    "CSV: a NUL byte": bad_csv_row(b"b,ye\0s,no", "NUL byte"),
    "CSV: invalid UTF-8": bad_csv_row(b"caf\xe9,yes,no", "invalid UTF-8"),
    "CSV: a carriage return": bad_csv_row(b"b,ye\rs,no", "carriage return inside a row"),
    "CSV: a field over 1 MB": bad_csv_row(b"b,yes," + b"x" * 1_100_000, "field over 1 MB"),
    "CSV: packed": bad_csv_row(
        b"b", "wrong number of columns", name="a.csv.gz", pack=gzip.compress
    ),
}


@pytest.mark.parametrize("bad", BAD_ROWS.values(), ids=list(BAD_ROWS))
def test_a_bad_row_is_in_quarantine_and_the_rows_around_it_are_kept(tmp_path, bad):
    path = tmp_path / bad.name
    path.write_bytes(bad.pack(bad.before + bad.content + bad.end + bad.after))
    examples, refusals = read(path)
    (refusal,) = refusals
    assert (refusal.source, refusal.file) == ("preferences", str(path))
    byte_offset = len(bad.before) if bad.byte_offset is None else bad.byte_offset
    assert (refusal.line, refusal.byte_offset) == (bad.line, byte_offset)
    assert refusal.reason == bad.reason
    assert refusal.raw == bad.content[:MAX_RAW_BYTES].decode(errors="replace")
    assert refusal.raw_sha256 == hashlib.sha256(bad.content).hexdigest()
    has_one_before = b"yes" in bad.before
    assert prompts_of(examples) == (["a", "c"] if has_one_before else ["c"])


@pytest.mark.parametrize(
    ("name", "before", "after", "line"),
    [
        pytest.param("rows.jsonl", json_row(A), json_row(C), 2, id="JSON lines"),
        pytest.param("rows.csv", HEADER + csv_row(A), csv_row(C), 3, id="CSV"),
    ],
)
def test_a_line_of_50_mb_costs_only_itself_and_little_memory(tmp_path, name, before, after, line):
    path, sha256 = tmp_path / name, hashlib.sha256()
    with path.open("wb") as file:
        file.write(before)
        for _ in range(50):
            block = b"0123456789" * 100_000
            sha256.update(block)
            file.write(block)
        file.write(b"\n" + after)
    tracemalloc.start()
    examples, refusals = ingest(path, tmp_path / "store")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (refusal,) = refusals
    assert (refusal.line, refusal.byte_offset) == (line, len(before))
    assert refusal.reason == "line over 16 MB"
    assert refusal.raw == "0123456789" * (MAX_RAW_BYTES // 10)
    assert refusal.raw_sha256 == sha256.hexdigest()
    assert prompts_of(examples) == ["a", "c"]
    assert peak < 3 * MAX_LINE_BYTES


def json_array(path):
    nested = b'{"prompt": "b", "x": ' + b"[" * 300 + b"]" * 300 + b"}"
    path.write_bytes(b"[" + b",".join([json_row(A), b"7", nested, json_row(C)]) + b"]")


def parquet(path):
    rows = [A, B | {"chosen": None}, B | {"rejected": "a\0b"}, C]
    pq.write_table(pa.Table.from_pylist(rows), path)


def sheet(path):
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        cells = (tuple(A), A.values(), ("b", "yes", "no", "maybe"), ("b", 1, "no"), C.values())
        for number, row in enumerate(cells):
            page.write_row(number, 0, row)


@pytest.mark.parametrize(
    ("name", "write", "expected"),
    [
        pytest.param(
            "rows.json",
            json_array,
            [(2, "not a JSON object", "7"), (3, "JSON nested too deeply", "")],
            id="JSON array",
        ),
        pytest.param(
            "rows.parquet",
            parquet,
            [
                (2, "no value in column chosen", '{"prompt":"b","chosen":null,"rejected":"no"}'),
                (
                    3,
                    "NUL character in column rejected",
                    '{"prompt":"b","chosen":"yes","rejected":"a\\u0000b"}',
                ),
            ],
            id="Parquet",
        ),
        pytest.param(
            "rows.xlsx",
            sheet,
            [
                (3, "wrong number of columns", '["b","yes","no","maybe"]'),
                (4, "column chosen is no text", '["b",1,"no",null]'),
            ],
            id="workbook",
        ),
    ],
)
def test_where_a_row_has_no_bytes_its_values_are_in_quarantine(tmp_path, name, write, expected):
    """They have a number instead of a place, and are written as JSON."""
    write(tmp_path / name)
    examples, refusals = ingest(tmp_path / name, tmp_path / "store")
    assert [(row.line, row.reason, row.raw) for row in refusals] == expected
    assert [row.byte_offset for row in refusals] == [None] * len(expected)
    assert [row.raw_sha256 for row in refusals] == [
        hashlib.sha256(raw.encode()).hexdigest() for _, _, raw in expected
    ]
    assert prompts_of(examples) == ["a", "c"]


def test_a_byte_order_mark_and_members_of_a_packed_file_are_no_faults(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(MARK + json_row(A)) + gzip.compress(json_row(B)))
    examples, refusals = ingest(path, tmp_path / "store")
    assert (prompts_of(examples), refusals) == (["a", "b"], [])
    assert [example.byte_offset for example in examples] == [3, 3 + len(json_row(A))]


def noise(num_rows):
    """Return rows that do not pack well, so that a file breaks off far behind its start."""
    return b"".join(
        json_row(A | {"prompt": hashlib.sha512(number.to_bytes(4, "big")).hexdigest()})
        for number in range(num_rows)
    )


def parquet_bytes(**options):
    rows = pa.table({name: [f"{name} {n}" for n in range(900)] for name in A})
    written = io.BytesIO()
    pq.write_table(rows, written, use_dictionary=False, compression="none", **options)
    return written.getvalue()


def parquet_bomb():
    """Return 270 MB of one letter as a Parquet file of less than 100 kB."""
    text = pa.array(["x" * 9_000_000])
    rows = pa.table([text, pa.array(["yes"]), pa.array(["no"])], names=list(A))
    written = io.BytesIO()
    with pq.ParquetWriter(written, rows.schema, compression="zstd", use_dictionary=False) as file:
        for _ in range(30):
            file.write_table(rows)
    return written.getvalue()


def with_zeros(content, start, end):
    return content[:start] + bytes(end - start) + content[end:]


GZIP = gzip.compress(noise(4_000))
PARQUET = parquet_bytes(row_group_size=100, write_page_checksum=True)
BAD_FILES = {
    "empty": ("rows.jsonl", b"", ["is empty (0 bytes)"]),
    "blank lines": ("rows.jsonl", b"\n\n  \n", ["it holds no row"]),
    "a header alone": ("rows.csv", HEADER, ["it holds no row"]),
    "unknown format": ("rows.tsv", HEADER, ["'.tsv'", ".jsonl, .json, .csv, .parquet, .xlsx"]),
    "no JSON at all": ("rows.jsonl", b"dear diary\n" * 30, ["(invalid JSON)"]),
    "UTF-16": ("rows.csv", HEADER.decode().encode("utf-16"), ["save it as UTF-8"]),
    "Latin-1 header": ("rows.csv", "größe,a,b\n1,2,3\n".encode("latin-1"), ["invalid UTF-8"]),
    "wrong columns": (
        "rows.jsonl",
        json_row({"prompt": "a", "choosen": "b", "rejected": "c"}) * 9,
        [
            "has the columns 'prompt', 'choosen', 'rejected'",
            "expected are prompt, chosen, rejected",
            "missing: chosen",
            "'choosen' looks like 'chosen'",
        ],
    ),
    "a column twice": ("rows.csv", b"prompt,prompt,chosen\na,b,c\n", ["names a column twice"]),
    "a column with a line end twice": (
        "rows.csv",
        b'"a\nb","a\nb"\n1,2\n',
        ["names a column twice: a b, a b"],
    ),
    "gz in name only": ("rows.jsonl.gz", json_row(A), ["is no gzip file"]),
    "truncated gzip": ("rows.jsonl.gz", GZIP[:-400], ["is a broken gzip file"]),
    "gzip with a wrong checksum": (
        "rows.jsonl.gz",
        with_zeros(GZIP, len(GZIP) - 8, len(GZIP) - 4),
        ["is a broken gzip file"],
    ),
    "something behind a gzip": ("rows.jsonl.gz", GZIP + b"the end", ["is a broken gzip file"]),
    "a second member that breaks off": (
        "rows.jsonl.gz",
        GZIP + gzip.compress(json_row(A))[:-4],
        ["is a broken gzip file"],
    ),
    "truncated JSON array": ("rows.json", b"[" + json_row(A) + b",", ["is not valid JSON"]),
    "deep JSON array": ("rows.json", b"[" * 9_000 + b"]" * 9_000, ["JSON nested too deeply"]),
    "an infinite number in a JSON array": ("rows.json", b"[1e999]", ["JSON number out of range"]),
    "a JSON object": ("rows.json", json_row(A), ["a list of objects is expected"]),
    "Parquet bomb": ("rows.parquet", parquet_bomb, ["would unpack to 270,", "200 times"]),
    "truncated Parquet": ("rows.parquet", PARQUET[:-99], ["is a broken Parquet file"]),
    "Parquet with broken pages far behind its start": (
        "rows.parquet",
        with_zeros(PARQUET, len(PARQUET) // 2, len(PARQUET) // 2 + 999),
        ["is a broken Parquet file"],
    ),
    "Parquet with a column name that is no text": (
        "rows.parquet",
        PARQUET.replace(b"chosen", b"chos\xe9n"),
        ["is a broken Parquet file ('utf-8' codec"],
    ),
    "CSV named Parquet": ("rows.parquet", HEADER + csv_row(A), ["is a broken Parquet file"]),
    "no zip": ("rows.xlsx", HEADER + csv_row(A), ["is no readable .xlsx workbook"]),
    "a zip that is no workbook": ("rows.xlsx", b"PK\5\6" + bytes(18), ["is no readable .xlsx"]),
}


@pytest.mark.parametrize(("name", "content", "parts"), BAD_FILES.values(), ids=list(BAD_FILES))
def test_a_bad_file_gives_one_message_and_leaves_nothing_behind(tmp_path, name, content, parts):
    path = tmp_path / name
    path.write_bytes(content() if callable(content) else content)
    check_refused(path, tmp_path / "store", [str(path), *parts])


def check_refused(path, root, parts, **params):
    with pytest.raises(InputError) as caught:
        ingest_task(params_of(path, **params), str(root))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    for part in parts:
        assert part in message
    assert open_store(root).artifacts(superseded=True) == []
    left = {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}
    assert left <= {"index.sqlite", "index.lock"}
    assert list((root / "tmp").iterdir()) == []


def loop(folder):
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    return folder / "loop.jsonl"


def folder_without_rows(folder):
    (folder / "papers").mkdir()
    (folder / "papers/notes.txt").write_bytes(b"x")
    return folder / "papers"


def named(name):
    def write(folder):
        path = folder / os.fsdecode(name)
        path.write_bytes(json_row(A))
        return path

    return write


@pytest.mark.parametrize(
    ("write", "parts"),
    [
        pytest.param(lambda folder: folder / "row.jsonl", ["there is no file"], id="missing"),
        pytest.param(
            folder_without_rows, ["holds no file to read", "found notes.txt"], id="no rows in it"
        ),
        pytest.param(lambda folder: folder / "a\0b.jsonl", ["a control character"], id="NUL"),
        pytest.param(named(b"a\nb.jsonl"), ["a control character", "rename it"], id="line end"),
        pytest.param(named(b"caf\xe9.jsonl"), ["no UTF-8", "rename it"], id="name in Latin-1"),
        pytest.param(lambda folder: folder / ("x" * 300), ["name too long"], id="300 characters"),
        pytest.param(
            lambda folder: folder.joinpath(*["deep"] * 2_000), ["name too long"], id="10 kB"
        ),
        pytest.param(loop, ["Too many levels of symbolic links"], id="link to itself"),
        pytest.param(lambda _: "/dev/zero", ["is a directory or a device"], id="device"),
    ],
)
def test_a_path_that_cannot_be_read_gives_one_message(tmp_path, write, parts):
    path = write(tmp_path)
    check_refused(path, tmp_path / "store", [repr(str(path))[1:-1], *parts])


def test_a_bad_name_in_a_folder_gives_one_message(tmp_path):
    (tmp_path / "rows").mkdir()
    named(b"a.jsonl")(tmp_path / "rows")
    path = named(b"b\xff.jsonl")(tmp_path / "rows")
    check_refused(tmp_path / "rows", tmp_path / "store", [repr(str(path)), "rename it"])


def test_a_dataset_with_a_name_that_cannot_be_gives_one_message(tmp_path):
    name = "x" * 5_000
    check_refused("", tmp_path / "store", [name, "is not there"], hub_id=name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_that_may_not_be_read_gives_one_message(tmp_path):
    path = named(b"rows.jsonl")(tmp_path)
    path.chmod(0)
    check_refused(path, tmp_path / "store", [str(path), "Permission denied"])
