import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from storage.input_error import InputError
from tasks.annotation.queue.queues import open_queues
from tests.tasks.annotation.queue.desk import desk
from tests.tasks.annotation.small_items import small_items

CHECKOUT = Path(__file__).resolve().parents[4]


def _no_database(path: Path) -> None:
    path.write_text("Dear diary, this is not a database at all. " * 100)


def _anothers(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE queues (queue)")


def _from_the_future(path: Path) -> None:
    open_queues(path).disconnect()
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA user_version=2")


BAD_FILES = {
    "a text": (_no_database, "cannot be opened"),
    "a folder": (Path.mkdir, "cannot be opened"),
    "another program's": (_anothers, "is not one of annotation queues"),
    "a later version's": (_from_the_future, "has version 2 and this program reads version 1"),
}


@pytest.mark.parametrize(("make", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_what_is_no_file_of_queues_is_refused_and_left_alone(tmp_path: Path, make, message) -> None:
    path = tmp_path / "queues.sqlite"
    make(path)
    before = None if path.is_dir() else path.read_bytes()
    with pytest.raises(InputError, match=message) as refused:
        open_queues(path)
    assert str(path) in str(refused.value)
    assert before is None or path.read_bytes() == before


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    with pytest.raises(InputError, match="give a file on a local disk that can be written"):
        open_queues(tmp_path / "folder" / "queues.sqlite")


def test_an_empty_file_becomes_one_of_queues(tmp_path: Path) -> None:
    (tmp_path / "queues.sqlite").touch()
    assert desk(tmp_path).number("ann") == 0


def test_odd_characters_in_the_path_are_no_part_of_its_address(tmp_path: Path) -> None:
    path = tmp_path / "50% ?mode=memory #1 ü" / "que ues.sqlite"
    open_queues(path).annotator("ann")
    assert path.is_file()
    assert [one.name for one in open_queues(path).annotators()] == ["ann"]


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    desk(tmp_path)
    for path in tmp_path.glob("queues.sqlite*"):
        if not path.name.endswith(".lock"):
            assert path.stat().st_mode & 0o077 == 0, path


def test_opening_a_file_again_leaves_the_locks_of_this_process_in_place(tmp_path: Path) -> None:
    """Without them another process takes the file for unused when it ends, and tidies it up."""
    at = desk(tmp_path)
    at.give_next("ann")
    open_queues(at.queues.path)
    other = (
        "import sys; from pathlib import Path; from tasks.annotation.queue.queues import open_queues;"
        "open_queues(Path(sys.argv[1])).disconnect()"
    )
    subprocess.run([sys.executable, "-c", other, at.queues.path], check=True, cwd=CHECKOUT)
    assert Path(f"{at.queues.path}-wal").stat().st_size > 0
    at.give_next("ann")
    assert [number for _, number, _ in desk(tmp_path).said()] == [0, 1]


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Let no file of this process grow beyond what the largest of `path` is now, or a page more."""
    sizes = [one.stat().st_size for one in path.parent.glob(f"{path.name}*")]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes) + 5_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_a_label_fails_in_words_and_can_be_given_again(tmp_path: Path) -> None:
    at = desk(tmp_path, 400)
    given = 0
    with full_disk(at.queues.path), pytest.raises(OSError, match="cannot be written") as full:  # noqa: PT012  - how many fit is not known
        for number in range(400):
            at.give("ann", number, note="x" * 2_000)
            given += 1
    assert str(at.queues.path) in str(full.value)
    assert "see to its disk" in str(full.value)
    assert len(at.said()) == at.state().num_labels == given
    at.give("ann", given)  # there is space again
    again = desk(tmp_path, 400)
    assert [number for _, number, _ in again.said()] == list(range(given + 1))


def test_a_file_that_went_away_is_named_and_not_begun_anew(tmp_path: Path) -> None:
    at = desk(tmp_path)
    at.queues.disconnect()
    for path in tmp_path.glob("queues.sqlite*"):
        path.unlink()
    with pytest.raises(OSError, match="cannot be read") as gone:
        at.said()
    assert str(at.queues.path) in str(gone.value)
    assert not at.queues.path.exists()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    at = desk(tmp_path, 200)
    at.queues.disconnect()
    with at.queues.path.open("r+b") as file:
        file.seek(4_096)
        file.write(os.urandom(40_000))
    with pytest.raises(OSError, match=r"queues\.sqlite.*malformed"):
        at.queues.queues()


@pytest.mark.timeout(120)
def test_threads_can_open_one_file_at_the_same_time(tmp_path: Path) -> None:
    barrier = threading.Barrier(12)

    def work(number: int) -> int:
        barrier.wait()
        return open_queues(tmp_path / "queues.sqlite").annotator(f"person {number}").annotator_id

    with ThreadPoolExecutor(12) as pool:
        ids = list(pool.map(work, range(12)))
    assert sorted(ids) == list(range(1, 13))
    with closing(sqlite3.connect(tmp_path / "queues.sqlite")) as file:
        assert file.execute("SELECT COUNT(*) FROM secrets").fetchone() == (1,)


def test_a_queue_of_many_items_searches_none_of_them_twice(tmp_path: Path) -> None:
    """Counts SQLite's steps: with ten times the labels behind them, people wait no longer."""
    at = desk(tmp_path, items=small_items(800, num_gold=50), overlap=3)
    at.hurry()
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    at.queues._database._connection().set_progress_handler(count, 10)
    used = []
    for _ in range(700):
        before = steps[0]
        at.give_next("ann", "a")
        at.give_next("bob", "skip")
        used.append(steps[0] - before)
    early, late = used[50:150], used[-100:]
    assert sum(late) < 2 * sum(early)
