import os
import sqlite3

import pytest
from small_rows import INGEST, flip_a_byte, ingest, pair, prompts, write

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.pairs import PAIRS
from storage.work import Work


@pytest.fixture
def filled(store):
    """Two runs of one work, a child, a tag and a retraction."""
    source = ingest(store)["prompts"]
    ingest(store, note=" again")
    rows = [pair(prompt) for prompt in prompts(3)]
    child = write(store, PAIRS, rows, Work("pairs", 1, parents=[source.artifact_id]))
    retracted = write(store, PAIRS, [], Work("pairs", 2, parents=[source.artifact_id]))
    store.tag("gold", child.artifact_id)
    store.supersede(retracted.artifact_id, "empty")
    return store


def answers(store):
    newest = store.resolve("pairs", "latest")
    return (
        store.artifacts(superseded=True),
        store.artifacts(),
        store.find(INGEST),
        newest,
        store.lineage(newest.artifact_id, "up"),
        store.tags(),
        store.sql("select * from artifacts order by id").to_pylist(),
        store.sql("select * from pairs_all order by all").to_pylist(),
        store.verify(),
    )


def deleted(index):
    index.unlink()


def emptied(index):
    index.write_bytes(b"")


def not_a_database(index):
    index.write_bytes(b"this is not a database" * 1000)


def cut(index):
    index.write_bytes(index.read_bytes()[: index.stat().st_size // 2])


def without_its_header(index):
    flip_a_byte(index, at=3)


def with_zeros_inside(index):
    content = index.read_bytes()
    middle = len(content) // 4
    index.write_bytes(content[:middle] + bytes(len(content) - middle))


def of_another_version(index):
    with sqlite3.connect(index) as connection:
        connection.execute("DROP TABLE visible")
        connection.execute("PRAGMA user_version = 77")
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        deleted,
        emptied,
        not_a_database,
        cut,
        without_its_header,
        with_zeros_inside,
        of_another_version,
    ],
    ids=lambda damage: damage.__name__,
)
def test_a_broken_index_is_made_again_with_the_same_answers(filled, root, damage):
    """Both by the store that is open and by one that is opened later."""
    before = answers(filled)
    damage(root / "index.sqlite")
    assert answers(filled) == before
    damage(root / "index.sqlite")
    assert answers(open_store(root)) == before


def test_a_rebuild_counts_what_can_be_seen(filled):
    before = answers(filled)
    assert filled.rebuild_index() == 5
    assert answers(filled) == before


def test_a_commit_that_was_killed_before_it_was_indexed_is_found(filled, root):
    """The journal row is put back by hand: all directories are there, the index knows none."""
    artifact = filled.resolve("pairs", "gold")
    with sqlite3.connect(root / "index.sqlite") as connection:
        for table in ("visible", "runs"):
            connection.execute(f"DELETE FROM {table} WHERE key = ?", [artifact.key])
        connection.execute("DELETE FROM manifests WHERE key = ?", [artifact.key])
        outputs = f'{{"pairs": "{artifact.artifact_id}"}}'
        connection.execute("INSERT INTO pending VALUES (?, ?)", [artifact.run_id, outputs])
    connection.close()
    assert filled.get(artifact.artifact_id) == artifact
    with sqlite3.connect(root / "index.sqlite") as connection:
        assert connection.execute("SELECT * FROM pending").fetchall() == []
    connection.close()


def test_the_root_may_move(filled, root, tmp_path):
    before = answers(filled)
    moved = tmp_path / "elsewhere"
    root.rename(moved)
    assert answers(open_store(moved)) == before


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=r"cannot be used: (Not a directory|File exists)"):
            open_store(root)


def test_a_root_that_cannot_be_made_is_refused():
    with pytest.raises(InputError, match="cannot be used"):
        open_store("/proc/prefline")


@pytest.mark.usefixtures("store")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_root_that_cannot_be_written_is_refused(root):
    root.chmod(0o500)
    try:
        with pytest.raises(InputError, match="not writable"):
            open_store(root)
    finally:
        root.chmod(0o700)


def test_a_root_that_must_exist_is_not_made(tmp_path):
    with pytest.raises(InputError, match="there is no store at"):
        open_store(tmp_path / "typo", create=False)
    assert not (tmp_path / "typo").exists()


def test_what_is_in_a_directory_already_is_left_alone(tmp_path):
    """A user may name a directory of their own, even one with a tmp/ in it."""
    (tmp_path / "tmp" / "mine").mkdir(parents=True)
    (tmp_path / "tmp" / "notes.txt").write_text("keep")
    open_store(tmp_path)
    assert (tmp_path / "tmp" / "mine").is_dir()
    assert (tmp_path / "tmp" / "notes.txt").read_text() == "keep"
