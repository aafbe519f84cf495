import shutil

import pytest
from small_rows import INGEST, flip_a_byte, ingest, prompts

from storage.input_error import InputError
from storage.tables.prompts import PROMPTS
from storage.work import Work


@pytest.fixture
def artifact(store):
    return ingest(store, count=500)["prompts"]


def test_an_untouched_store_has_no_faults(store, artifact):
    assert store.verify() == []
    assert store.verify([artifact.artifact_id]) == []


@pytest.mark.parametrize("at", [4, 100, -20], ids=["first page", "data", "footer"])
def test_a_flipped_byte_is_found_named_and_never_read_as_data(store, root, artifact, at):
    """DuckDB and pyarrow's defaults return such a byte as a value."""
    part = root / artifact.path / "part-00000.parquet"
    flip_a_byte(part, at=at)
    faults = store.verify()
    assert [(fault.artifact_id, fault.file) for fault in faults] == [
        (artifact.artifact_id, "part-00000.parquet")
    ]
    assert faults[0].reason.startswith("its sha256 is")
    with pytest.raises(InputError, match="is damaged: its sha256") as caught:
        store.read(artifact, verify=True)
    assert artifact.artifact_id in str(caught.value)
    assert str(part) in str(caught.value)


def test_a_flipped_byte_in_a_page_is_noticed_without_being_asked(store, root, artifact):
    flip_a_byte(root / artifact.path / "part-00000.parquet", at=200)
    with pytest.raises(InputError, match="cannot be read"):
        store.read(artifact)


def test_a_missing_part_is_found_and_named(store, root, artifact):
    (root / artifact.path / "part-00000.parquet").unlink()
    assert [(fault.file, fault.reason) for fault in store.verify()] == [
        ("part-00000.parquet", "missing")
    ]
    with pytest.raises(InputError, match=r"part-00000.parquet' is missing"):
        store.read(artifact)
    with pytest.raises(InputError, match=r"part-00000.parquet' is missing"):
        store.sql("select count(*) from prompts")


def test_a_cut_part_is_found(store, root, artifact):
    part = root / artifact.path / "part-00000.parquet"
    size = part.stat().st_size
    part.write_bytes(part.read_bytes()[:-10])
    assert store.verify()[0].reason == f"it has {size - 10} bytes and had {size}"
    with pytest.raises(InputError, match="cannot be read"):
        store.read(artifact)


def test_a_manifest_that_was_edited_is_found(store, root, artifact):
    manifest = root / artifact.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace(artifact.files[0].sha256, "0" * 64))
    reasons = [fault.reason for fault in store.verify()]
    assert "its hashes do not give its artifact id" in reasons


def test_a_manifest_that_cannot_be_read_does_not_stop_a_rebuild_and_is_reported(
    store, root, artifact
):
    """Its stage run is incomplete without it, so its other table is not visible either."""
    other = ingest(store, work=Work("ingest", 1, {"source": "other"}))
    (root / artifact.path / "manifest.json").write_text('{"artifact_id": 3}')
    assert store.verify()[0].reason == "unreadable"
    assert store.rebuild_index() == 2
    assert {a.artifact_id for a in store.artifacts()} == {a.artifact_id for a in other.values()}
    faults = store.verify()
    assert [(fault.artifact_id, fault.file) for fault in faults] == [
        (artifact.artifact_id, "manifest.json")
    ]
    assert "unreadable" in faults[0].reason


def test_a_missing_parent_is_reported(store, root, artifact):
    child = ingest(store, work=Work("copy", 1, parents=[artifact.artifact_id]))["prompts"]
    shutil.rmtree(root / artifact.path)
    store.rebuild_index()
    assert (child.artifact_id, f"its parent {artifact.artifact_id} is not in the store") in {
        (fault.artifact_id, fault.reason) for fault in store.verify()
    }
    assert store.lineage(child.artifact_id, "up") == []


def test_making_a_damaged_artifact_again_heals_it(store, root, artifact):
    """The ids are the same, so without a check the damaged files would win."""
    flip_a_byte(root / artifact.path / "part-00000.parquet")
    again = ingest(store, count=500)["prompts"]
    assert again.artifact_id == artifact.artifact_id
    assert store.verify() == []
    assert store.rows(PROMPTS, again, verify=True) == prompts(500)
    assert store.find(INGEST)["prompts"] == again
