"""What the stage reads, reuses, carries over and refuses, and what it leaves in the store."""

import gzip
from contextlib import contextmanager
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect.client.orchestration import get_client

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.examples import EXAMPLES
from storage.tables.quarantine import QUARANTINE
from tasks.ingest.params import IngestParams
from tasks.ingest.sources import SOURCES
from tasks.ingest.task import ingest_task

pytestmark = [
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("ignore:Logger 'prefect.task_runs' attempted:UserWarning"),
]
COUNTS = ("rows_read", "rows_kept", "duplicates", "refused", "not_drawn")
BAD = "not a row"


def json_lines(prompts):
    """Return a row for each prompt, and a line that is no row for each BAD."""
    return b"".join(b"not a row\n" if prompt == BAD else json_row(prompt) for prompt in prompts)


def json_row(prompt):
    return orjson.dumps({"prompt": prompt, "chosen": "yes", "rejected": "no"}) + b"\n"


def csv_rows(prompts):
    return b"".join(
        b"not a row\n" if prompt == BAD else f"{prompt},yes,no\n".encode() for prompt in prompts
    )


def csv(prompts):
    return b"prompt,chosen,rejected\n" + csv_rows(prompts)


def params_of(path, **params):
    return IngestParams(**{"source": "preferences", "path": str(path)} | params)


@contextmanager
def counted(source="preferences"):
    """Give the list of the rows that are taken from the file; those of the first check are not."""
    taken = []
    real = SOURCES[source]

    def rows(records, params):
        def told():
            for record in records:
                taken.append(record)
                yield record

        return real.rows(told(), params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SOURCES, source, replace(real, rows=rows))
        yield taken


def ingest(path, root, *, rerun=False, **params):
    """Return the result of an ingest that refuses nothing, and how many rows were read for it."""
    with counted() as taken:
        result = ingest_task(
            params_of(path, **{"max_refused_share": 1} | params), str(root), rerun=rerun
        )
    return result, len(taken)


def artifacts_of(root, result):
    store = open_store(root)
    return [store.get(result.outputs[table.name]) for table in (EXAMPLES, QUARANTINE)]


def stats_of(root, result):
    return {name: artifacts_of(root, result)[0].stats[name] for name in COUNTS}


def check_as_from_scratch(tmp_path, path, root, result, **params):
    """Check that the same files were written as where nothing was ingested before."""
    other = tmp_path / "scratch"
    scratch, _ = ingest(path, other, **params)
    assert result.outputs == scratch.outputs
    assert stats_of(root, result) == stats_of(other, scratch)
    for ours, theirs in zip(artifacts_of(root, result), artifacts_of(other, scratch), strict=True):
        assert ours.files == theirs.files  # names, hashes, sizes and rows of all parts
    return scratch


def numbered(num_rows, start=0):
    return [f"question {number}" for number in range(start, start + num_rows)]


def with_bad_rows(num_bad):
    return json_lines([*numbered(100 - num_bad), *[BAD] * num_bad])


def test_too_many_refused_rows_stop_the_stage_but_stay_in_the_store(tmp_path):
    path, root = tmp_path / "rows.jsonl", tmp_path / "store"
    no_answer = b'{"prompt": "why?", "chosen": "yes"}\n'
    path.write_bytes(json_lines([*numbered(94), *[BAD] * 4]) + no_answer * 2)
    with pytest.raises(InputError) as caught:
        ingest_task(params_of(path), str(root))
    store = open_store(root)
    (quarantine,) = store.artifacts("quarantine")
    message = str(caught.value)
    for part in (
        "6 of 100 rows (6.0%)",
        str(path),
        "more than max_refused_share 5.0%",
        "4 invalid JSON, 2 no value in column rejected",
        f"prefline artifact head {quarantine.artifact_id[:12]}",
    ):
        assert part in message
    assert len(message.splitlines()) == 1
    refusals = store.rows(QUARANTINE, quarantine)
    assert [row.line for row in refusals] == [95, 96, 97, 98, 99, 100]

    with counted() as taken:
        again = ingest_task(params_of(path, max_refused_share=0.1), str(root))
    assert again.reused
    assert taken == []
    assert again.outputs["quarantine"] == quarantine.artifact_id
    assert again.rows == {"examples": 94, "quarantine": 6}


@pytest.mark.parametrize(
    ("num_bad", "limit", "is_refused"),
    [(5, 0.05, False), (6, 0.05, True), (29, 0.29, False), (30, 0.29, True), (1, 0, True)],
)
def test_just_as_many_refused_rows_as_are_allowed_are_allowed(tmp_path, num_bad, limit, is_refused):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(with_bad_rows(num_bad))
    params = params_of(path, max_refused_share=limit)
    if is_refused:
        with pytest.raises(InputError, match=f"{num_bad} of 100 rows"):
            ingest_task(params, str(tmp_path / "store"))
    else:
        assert ingest_task(params, str(tmp_path / "store")).rows["quarantine"] == num_bad


def losing(rows):
    return rows[:3] + rows[4:]


def doubling(rows):
    return [*rows, replace(rows[0], messages=rows[1].messages, chosen="maybe")]


@pytest.mark.parametrize(
    ("change", "said"), [(losing, "lost 1"), (doubling, "lost -1")], ids=["losing", "doubling"]
)
def test_a_source_whose_rows_do_not_add_up_leaves_nothing_behind(
    tmp_path, monkeypatch, change, said
):
    path, root = tmp_path / "rows.jsonl", tmp_path / "store"
    path.write_bytes(with_bad_rows(3))
    real = SOURCES["preferences"]
    broken = replace(real, rows=lambda *given: iter(change(list(real.rows(*given)))))
    monkeypatch.setitem(SOURCES, "preferences", broken)
    with pytest.raises(RuntimeError, match=f"source 'preferences' {said}"):
        ingest_task(params_of(path), str(root))
    assert open_store(root).artifacts(superseded=True) == []
    assert not list(root.rglob("*.parquet"))
    assert list((root / "tmp").iterdir()) == []


def test_a_file_that_grows_while_it_is_read_leaves_nothing_behind(tmp_path, monkeypatch):
    """Its rows would be taken for those of the file as it was before."""
    path, root = tmp_path / "rows.jsonl", tmp_path / "store"
    path.write_bytes(json_lines(["a"]))
    real = SOURCES["preferences"]

    def rows(records, params):
        with path.open("ab") as file:
            file.write(json_lines(["b"]))
        return real.rows(records, params)

    monkeypatch.setitem(SOURCES, "preferences", replace(real, rows=rows))
    with pytest.raises(InputError, match=r"rows\.jsonl changed while it was read"):
        ingest_task(params_of(path), str(root))
    assert open_store(root).artifacts(superseded=True) == []
    assert list((root / "tmp").iterdir()) == []


def test_an_unchanged_source_is_not_read_again_wherever_it_lies(tmp_path):
    root = tmp_path / "store"
    (tmp_path / "other").mkdir()
    for name in ("rows.jsonl", "other/copy.jsonl"):
        (tmp_path / name).write_bytes(json_lines(["a", BAD, "b"]))
    first, num_read = ingest(tmp_path / "rows.jsonl", root)
    assert (first.reused, num_read) == (False, 3)
    for name in ("rows.jsonl", "other/copy.jsonl"):
        again, num_read = ingest(tmp_path / name, root)
        assert (again.reused, num_read) == (True, 0)
        assert again.outputs == first.outputs


PACKINGS = {
    "rows.jsonl": (json_lines, json_lines, lambda first, more: first + more),
    "rows.json": (json_lines, json_lines, lambda first, more: first + more),
    "rows.csv": (csv, csv_rows, lambda first, more: first + more),
    "anew.jsonl.gz": (
        json_lines,
        json_lines,
        lambda first, more: gzip.compress(gzip.decompress(first) + more, 1),
    ),
    "member.jsonl.gz": (
        json_lines,
        json_lines,
        lambda first, more: first + gzip.compress(more),
    ),
    "anew.csv.gz": (
        csv,
        csv_rows,
        lambda first, more: gzip.compress(gzip.decompress(first) + more),
    ),
}
"""How a file of that name begins, how rows look that come later, and how they are appended."""


def write_first(path, prompts):
    content = PACKINGS[path.name][0](prompts)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def append(path, prompts):
    _, rows, appended = PACKINGS[path.name]
    path.write_bytes(appended(path.read_bytes(), rows(prompts)))


@pytest.mark.parametrize("name", PACKINGS)
def test_of_a_file_that_has_grown_only_the_new_rows_are_read(tmp_path, name):
    path, root = tmp_path / name, tmp_path / "store"
    write_first(path, ["a", "b", BAD, "a"])
    before, num_read = ingest(path, root)
    assert num_read == 4
    append(path, ["c", "b", BAD, "d", "c"])
    result, num_read = ingest(path, root)
    assert num_read == 5
    assert not result.reused
    assert not set(before.outputs.values()) & set(result.outputs.values())
    reason = "wrong number of columns" if "csv" in name else "invalid JSON"
    assert stats_of(root, result) == {
        "rows_read": 9,
        "rows_kept": 4,
        "duplicates": 3,
        "refused": {reason: 2},
        "not_drawn": 0,
    }
    examples, quarantine = artifacts_of(root, result)
    store = open_store(root)
    prompts = [example.messages[0].content for example in store.rows(EXAMPLES, examples)]
    assert prompts == ["a", "b", "c", "d"]
    lines = [3, 7] if name.endswith(("jsonl", "json", "jsonl.gz")) else [4, 8]
    assert [refusal.line for refusal in store.rows(QUARANTINE, quarantine)] == lines
    check_as_from_scratch(tmp_path, path, root, result)


prompts = st.lists(st.sampled_from([*"abcdefgh", BAD]), max_size=30)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(PACKINGS)), prompts, prompts, prompts)
def test_wherever_a_file_was_cut_the_result_is_that_of_the_whole_file(
    tmp_path_factory, name, first, second, third
):
    """It grows twice; whatever a row holds, it is read once."""
    tmp_path = tmp_path_factory.mktemp("grown")
    path, root = tmp_path / name, tmp_path / "store"
    write_first(path, ["i", "j", *first])  # something to know the columns by
    ingest(path, root)
    for more in (second, third):
        before = path.read_bytes()
        append(path, more)
        result, num_read = ingest(path, root)
        assert result.reused == (path.read_bytes() == before)
        assert num_read == len(more)
    check_as_from_scratch(tmp_path, path, root, result)


@pytest.mark.parametrize(
    ("num_rows", "num_characters"),
    [pytest.param(9_000, 1, id="many rows"), pytest.param(5_500, 8_000, id="44 MB of text")],
)
def test_parts_are_the_same_however_many_rows_were_carried_over(tmp_path, num_rows, num_characters):
    """Rows are written in chunks of 4,096, and in groups by the size of their text."""
    path, root = tmp_path / "rows.jsonl", tmp_path / "store"
    rows = [f"{number} {'x' * num_characters}" for number in range(num_rows)]
    path.write_bytes(json_lines(rows[:4_500]))
    ingest(path, root)
    path.write_bytes(json_lines(rows))
    result, num_read = ingest(path, root)
    assert num_read == num_rows - 4_500
    check_as_from_scratch(tmp_path, path, root, result)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(
            json_lines(["a", "b", "c"]), json_lines(["x", "b", "c", "d"]), id="changed start"
        ),
        pytest.param(
            json_lines(["a", "b", "c"]), json_lines(["a", "b", "x", "d"]), id="changed last row"
        ),
        pytest.param(json_lines(["a", "b", "c"]), json_lines(["a", "b"]), id="shorter"),
        pytest.param(
            json_lines(["a", "b", "c"]), json_lines(["x", "a", "b", "c"]), id="row put before"
        ),
        pytest.param(
            json_lines(["a", "b"])[:-1], json_lines(["a", "b", "c"]), id="no end of the last line"
        ),
        pytest.param(
            json_lines(["a"]) + b'{"prompt": ',
            json_lines(["a"]) + b'{"prompt": "b", "chosen": "yes", "rejected": "no"}\n',
            id="last row was being written",
        ),
        pytest.param(
            json_lines(["a", "b"]),
            b"\xef\xbb\xbf" + json_lines(["a", "b", "c"]),
            id="byte order mark put before",
        ),
    ],
)
def test_a_file_that_changed_otherwise_is_read_from_its_start(tmp_path, first, then):
    path, root = tmp_path / "rows.jsonl", tmp_path / "store"
    path.write_bytes(first)
    ingest(path, root)
    path.write_bytes(then)
    result, num_read = ingest(path, root)
    assert num_read == then.count(b"\n")
    assert not result.reused
    check_as_from_scratch(tmp_path, path, root, result)


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"prompt_role": "text"}, id="other role"),
        pytest.param({"columns": {"chosen": "rejected", "rejected": "chosen"}}, id="columns"),
        pytest.param({"limit": 3}, id="limit"),
        pytest.param({"rerun": True}, id="rerun"),
    ],
)
def test_with_other_parameters_a_grown_file_is_read_from_its_start(tmp_path, params):
    path, root = tmp_path / "rows.jsonl", tmp_path / "store"
    path.write_bytes(json_lines(["a", BAD, "b"]))
    ingest(path, root)
    path.write_bytes(json_lines(["a", BAD, "b", "c"]))
    result, num_read = ingest(path, root, **params)
    assert num_read == params.get("limit", 4)
    check_as_from_scratch(tmp_path, path, root, result, **params)


def test_a_quote_that_was_open_at_the_end_of_a_csv_file_may_be_closed_by_what_follows(tmp_path):
    path, root = tmp_path / "rows.csv", tmp_path / "store"
    path.write_bytes(csv(["a"]) + b'b,"yes\n')
    result, _ = ingest(path, root)
    assert result.rows == {"examples": 1, "quarantine": 1}
    path.write_bytes(path.read_bytes() + b'and more",no\n')
    result, num_read = ingest(path, root)
    assert result.rows == {"examples": 2, "quarantine": 0}
    assert num_read == 2
    check_as_from_scratch(tmp_path, path, root, result)


def test_a_grown_copy_at_another_path_is_read_from_its_start(tmp_path):
    """Its rows name the file in which they stand."""
    root = tmp_path / "store"
    (tmp_path / "rows.jsonl").write_bytes(json_lines(["a", "b"]))
    ingest(tmp_path / "rows.jsonl", root)
    path = tmp_path / "copy.jsonl"
    path.write_bytes(json_lines(["a", "b", "c"]))
    result, num_read = ingest(path, root)
    assert num_read == 3
    store = open_store(root)
    files = {row.file for row in store.rows(EXAMPLES, store.get(result.outputs["examples"]))}
    assert files == {str(path)}


def test_a_local_dataset_is_read_through_the_datasets_library(tmp_path):
    folder, root = tmp_path / "dataset", tmp_path / "store"
    folder.mkdir()
    params = IngestParams(source="preferences", hub_id=str(folder))
    for prompts in (["a", "b", "b"], ["a", "c"]):
        (folder / "train.jsonl").write_bytes(json_lines(prompts))
        with counted() as taken:
            result = ingest_task(params, str(root))
        assert not result.reused
        assert len(taken) == len(prompts)
        assert stats_of(root, result)["rows_read"] == len(prompts)
        assert result.rows == {"examples": 2, "quarantine": 0}
    with counted() as taken:
        again = ingest_task(params, str(root))
    assert again.outputs == result.outputs
    assert taken == []


def shown(kind):
    """Return the newest artifact of a kind that Prefect shows."""
    wanted = {"artifacts": {"type": {"any_": [kind]}}, "sort": "CREATED_DESC", "limit": 1}
    with get_client(sync_client=True) as client:
        (artifact,) = client.request("POST", "/artifacts/filter", json=wanted).json()
    return artifact


def test_prefect_shows_how_far_an_ingest_is_and_what_became_of_the_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json_lines(["a", "a", BAD, "b"]))
    ingest(path, tmp_path / "store")
    progress, table = shown("progress"), shown("table")
    assert (progress["description"], progress["data"]) == ("ingesting preferences", 100)
    assert table["description"] == "What became of the 4 rows of preferences."
    assert orjson.loads(table["data"]) == [
        {"rows": 2, "outcome": "kept"},
        {"rows": 1, "outcome": "duplicates"},
        {"rows": 1, "outcome": "invalid JSON"},
    ]
