import json
import resource
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_rows import INGEST, ingest, prompts, staged
from writing_process import PROCESSES

from storage.input_error import InputError
from storage.part_writer import ROWS_PER_GROUP, PartWriter
from storage.store import open_store
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from storage.tables.quarantine import QUARANTINE
from storage.tables.training_steps import TRAINING_STEPS, TrainingStep
from storage.work import Work


def test_every_declared_table_is_written_and_the_empty_one_is_readable(store):
    with store.begin(INGEST, [PROMPTS, QUARANTINE]) as writer:
        writer.write(PROMPTS, prompts(2))
        outputs = writer.commit()
    assert {name: artifact.rows for name, artifact in outputs.items()} == {
        "prompts": 2,
        "quarantine": 0,
    }
    assert store.rows(QUARANTINE, outputs["quarantine"], verify=True) == []
    assert store.rows(PROMPTS, outputs["prompts"]) == prompts(2)


def test_two_runs_of_the_same_work_are_the_same_artifact(store):
    """Times and run ids are in the manifest only, never in the bytes."""
    first = ingest(store, flow_run_id="flow-1")
    second = ingest(store, flow_run_id="flow-2")
    assert first == second
    assert first["prompts"].flow_run_id == "flow-1"
    assert len(store.artifacts(superseded=True)) == 2


def test_the_same_rows_of_other_work_are_another_artifact(store):
    """Otherwise the empty quarantines of two runs would have one provenance too few."""
    other = Work("ingest", 1, {"source": "other"})
    first, second = ingest(store, refused=0), ingest(store, refused=0, work=other)
    assert first["quarantine"].artifact_id != second["quarantine"].artifact_id
    assert second["quarantine"].params == {"source": "other"}


@pytest.mark.parametrize("sizes", [[9000], [1, 8999], [4096, 4096, 808], [5000, 4000]], ids=str)
def test_the_bytes_do_not_depend_on_how_the_rows_arrived(tmp_path, sizes):
    rows = prompts(9000)
    whole = PROMPTS.to_arrow(rows)
    reference = PartWriter(PROMPTS, tmp_path, {})
    with reference:
        reference.add(whole)
        expected = [part.sha256 for part in reference.finish()]
    pieces = tmp_path / "pieces"
    pieces.mkdir()
    with PartWriter(PROMPTS, pieces, {}) as writer:
        start = 0
        for size in sizes:
            writer.add_rows(iter(rows[start : start + size]))
            start += size
        assert [part.sha256 for part in writer.finish()] == expected


def test_rows_are_split_into_full_row_groups_and_parts(tmp_path):
    """17 groups of rows are one part of 16 groups and one with the rest."""
    count = 16 * ROWS_PER_GROUP + 5
    names = pa.array(["loss"]).take(pa.array([0] * count))
    columns = pa.table(
        {
            "training_step_id": names,
            "policy_id": names,
            "step": pa.array(range(count)),
            "metric": names,
            "value": pa.array(range(count)).cast(pa.float64()),
        }
    )
    with PartWriter(TRAINING_STEPS, tmp_path, {}) as writer:
        writer.add(columns.slice(0, 100_000))
        writer.add(columns.slice(100_000))
        parts = writer.finish()
    assert [(part.name, part.rows) for part in parts] == [
        ("part-00000.parquet", 16 * ROWS_PER_GROUP),
        ("part-00001.parquet", 5),
    ]
    footer = pq.read_metadata(tmp_path / "part-00000.parquet")
    assert {footer.row_group(group).num_rows for group in range(16)} == {ROWS_PER_GROUP}
    read = pa.concat_tables([pq.read_table(tmp_path / part.name) for part in parts])
    assert read["step"].to_pylist() == list(range(count))


def test_a_stray_part_explains_itself(store, root):
    artifact = ingest(store)["prompts"]
    part = root / artifact.path / "part-00000.parquet"
    footer = json.loads(pq.read_metadata(part).metadata[b"prefline"])
    assert footer == {
        "table": "prompts",
        "schema_version": 1,
        "key": INGEST.key,
        "stage": "ingest",
        "stage_version": 1,
        "params": {"source": "reviews"},
        "parents": [],
        "seed": 7,
        "inputs": {},
    }


def test_the_manifest_says_where_everything_came_from(store, root):
    parent = ingest(store)["prompts"]
    work = Work("pairs", 3, {"n": 4}, (parent.artifact_id,), 5, {"labels.csv": "ab" * 32})
    with store.begin(work, [PAIRS], "flow-9") as writer:
        writer.stats(PAIRS, num_ties=2)
        writer.stats(PAIRS, shares={"train": np.float64(0.5)})
        with pytest.raises(TypeError, match="not JSON serializable"):
            writer.stats(PAIRS, losses={1, 2})
        artifact = writer.commit()["pairs"]
    manifest = json.loads((root / artifact.path / "manifest.json").read_bytes())
    assert manifest["parents"] == [parent.artifact_id]
    assert manifest["stats"] == {"num_ties": 2, "shares": {"train": 0.5}}
    assert manifest["flow_run_id"] == "flow-9"
    assert manifest["inputs"] == {"labels.csv": "ab" * 32}
    assert manifest["outputs"] == {"pairs": artifact.artifact_id}
    assert manifest["code_version"]
    assert {"pyarrow", "duckdb", "torch"} <= manifest["libraries"].keys()
    assert manifest["created_at"].endswith("+00:00")
    assert "superseded" not in manifest


def test_without_a_commit_nothing_is_left(store, root):
    with store.begin(INGEST, [PROMPTS]) as writer:
        writer.write(PROMPTS, prompts(5))
    assert store.artifacts() == []
    assert staged(root) == []


def test_a_stage_that_fails_leaves_nothing_and_its_error_arrives(store, root):
    def breaking():
        yield from prompts(5000)
        raise RuntimeError("the judge is down")

    with (
        pytest.raises(RuntimeError, match="the judge is down"),
        store.begin(INGEST, [PROMPTS]) as writer,
    ):
        writer.write(PROMPTS, breaking())
    assert (store.artifacts(), store.find(INGEST), staged(root)) == ([], None, [])


def test_a_table_that_was_not_declared_is_refused(store):
    with (
        store.begin(INGEST, [PROMPTS]) as writer,
        pytest.raises(ValueError, match="did not declare the table 'pairs'"),
    ):
        writer.write(PAIRS, [])


@pytest.mark.parametrize("tables", [[], [PROMPTS, PROMPTS]], ids=["none", "twice"])
def test_the_declared_tables_are_one_or_more_and_different(store, tables):
    with pytest.raises(ValueError, match="one or more tables once"):
        store.begin(INGEST, tables)


def test_a_committed_run_takes_no_more_rows(store):
    with store.begin(INGEST, [PROMPTS]) as writer:
        writer.commit()
        with pytest.raises(ValueError, match="committed already"):
            writer.write(PROMPTS, prompts(1))
        with pytest.raises(ValueError, match="committed already"):
            writer.commit()


def test_a_parent_that_is_not_in_the_store_is_refused_before_any_work(store):
    with pytest.raises(InputError, match="no artifact 'abab"):
        store.begin(Work("pairs", 1, parents=["ab" * 16]), [PAIRS])


def test_arrow_columns_may_come_in_any_order_but_must_be_the_tables(store):
    columns = PROMPTS.to_arrow(prompts(3))
    with store.begin(INGEST, [PROMPTS]) as writer:
        writer.write_arrow(PROMPTS, columns.select(sorted(columns.column_names)))
        with pytest.raises(ValueError, match="has the columns"):
            writer.write_arrow(PROMPTS, columns.drop_columns(["origin"]))
        artifact = writer.commit()["prompts"]
    assert store.rows(PROMPTS, artifact) == prompts(3)


def test_a_null_where_the_schema_forbids_it_is_refused(store, root):
    row = TrainingStep(policy_id=None, step=1, metric="loss", value=0.5)
    with (
        store.begin(INGEST, [TRAINING_STEPS]) as writer,
        pytest.raises(ValueError, match="null"),
    ):
        writer.write(TRAINING_STEPS, [row])
    assert (store.artifacts(), staged(root)) == ([], [])


def write_with_little_space(root):
    """Fail after 100 kB in a file, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    store = open_store(root)
    try:
        ingest(store, count=300_000)
    except OSError:
        sys.exit(len(staged(root)) + len(store.artifacts()))
    sys.exit(99)


@pytest.mark.usefixtures("_processes")
def test_a_full_disk_is_an_error_and_leaves_nothing(store, root):
    before = ingest(store)
    process = PROCESSES.Process(target=write_with_little_space, args=(root,))
    process.start()
    process.join()
    assert process.exitcode == 2, "two artifacts from before and nothing in staging"
    assert store.find(INGEST) == before
    assert store.verify() == []
