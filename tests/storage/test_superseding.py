import shutil

from small_rows import INGEST, ingest

from storage.store import open_store
from storage.work import Work


def test_work_is_found_by_its_key_and_by_nothing_else(store):
    assert store.find(INGEST) is None
    outputs = ingest(store)
    assert store.find(Work("ingest", 1, {"source": "reviews"}, seed=7)) == outputs
    assert store.find(Work("ingest", 1, {"source": "reviews"}, seed=8)) is None


def test_a_rerun_with_other_rows_supersedes_the_first(store):
    first, second = ingest(store), ingest(store, note=" again")
    assert store.find(INGEST) == second
    assert [a.artifact_id for a in store.artifacts("prompts")] == [second["prompts"].artifact_id]
    assert store.get(first["prompts"].artifact_id).superseded
    assert {a.superseded for a in store.artifacts("prompts", superseded=True)} == {True, False}


def test_what_was_deleted_by_hand_is_not_found(store, root):
    artifact = ingest(store)["quarantine"]
    shutil.rmtree(root / artifact.path)
    assert store.find(INGEST) is None
    assert store.artifacts() == []
    ingest(store)
    assert len(store.artifacts()) == 2


def test_a_table_that_the_rerun_did_not_change_belongs_to_the_newest_run(store):
    """A join on run_id would otherwise lose it."""
    first, second = ingest(store), ingest(store, note=" again")
    unchanged = store.get(first["quarantine"].artifact_id)
    assert not unchanged.superseded
    assert unchanged.run_id == second["prompts"].run_id
    assert unchanged.outputs == second["prompts"].outputs


def test_what_was_retracted_is_not_reused_and_not_queried(store):
    outputs = ingest(store)
    store.supersede(outputs["prompts"].artifact_id, "the file was the wrong one")
    assert store.find(INGEST) is None
    assert store.artifacts("prompts") == []
    assert store.sql("select count(*) as n from prompts").to_pylist() == [{"n": 0}]
    assert store.sql("select count(*) as n from prompts_all").to_pylist() == [{"n": 3}]
    assert store.get(outputs["prompts"].artifact_id).superseded


def test_retracting_the_newest_brings_the_one_before_back(store):
    first, second = ingest(store), ingest(store, note=" again")
    store.supersede(second["prompts"].artifact_id, "the rerun was a mistake")
    assert store.find(INGEST)["prompts"].artifact_id == first["prompts"].artifact_id
    assert store.resolve("prompts", "latest").artifact_id == first["prompts"].artifact_id


def test_a_retraction_survives_a_new_index_and_the_same_bytes_made_again(store, root):
    artifact = ingest(store)["prompts"]
    store.supersede(artifact.artifact_id, "wrong file")
    store.rebuild_index()
    assert open_store(root).get(artifact.artifact_id).superseded
    assert ingest(store)["prompts"].superseded
    store.restore(artifact.artifact_id)
    assert not store.get(artifact.artifact_id).superseded
    store.rebuild_index()
    assert not store.get(artifact.artifact_id).superseded


def test_the_newest_run_wins_although_the_clock_went_back(store, root):
    """A manifest from the future must not make every later run superseded at birth."""
    first = ingest(store)["prompts"]
    manifest = root / first.path / "manifest.json"
    year = first.created_at[:4]
    manifest.write_text(manifest.read_text().replace(f'"{year}-', '"2999-'))
    store.rebuild_index()
    second = ingest(store, note=" again")
    assert store.find(INGEST)["prompts"].artifact_id == second["prompts"].artifact_id
