"""The thread that writes a journal: everything submitted ends, on disk or with an error."""

import sqlite3
import subprocess
import sys
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from storage.input_error import InputError
from tasks.sampling.api.journal_thread import Action, JournalThread

SCHEMA = "CREATE TABLE IF NOT EXISTS numbers (number INTEGER PRIMARY KEY)"
SOON_SECONDS = 20.0
ENDS_SOON = pytest.mark.timeout(60)


def adding(number: int) -> Action[int]:
    def add(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        return number

    return add


def numbers_on_disk(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT number FROM numbers ORDER BY number")]
    finally:
        connection.close()


def hold_up(thread: JournalThread) -> tuple[Event, "Future[Any]"]:
    """Make the thread wait within an action; return what frees it."""
    begun, free = Event(), Event()

    def stop_here(connection: sqlite3.Connection) -> None:
        begun.set()
        free.wait(SOON_SECONDS)

    blocked = thread.submit(stop_here)
    begun.wait(SOON_SECONDS)
    return free, blocked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@ENDS_SOON
def test_what_is_done_is_seen_by_another_connection_at_once(path: Path) -> None:
    thread = JournalThread(path, SCHEMA)
    for number in range(50):
        thread.run(adding(number))
        assert numbers_on_disk(path) == list(range(number + 1))
    thread.close()


@ENDS_SOON
def test_a_failed_action_takes_none_of_its_neighbours_with_it(path: Path) -> None:
    thread = JournalThread(path, SCHEMA)
    free, _ = hold_up(thread)
    gathered = [thread.submit(adding(number)) for number in (1, 2, 1, 3)]  # the second 1 is refused
    free.set()
    assert [one.exception(SOON_SECONDS) is None for one in gathered] == [True, True, False, True]
    thread.close()
    assert numbers_on_disk(path) == [1, 2, 3]


@ENDS_SOON
def test_half_of_a_failed_action_is_not_kept(path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (7)")
        raise KeyError("the second half")

    thread = JournalThread(path, SCHEMA)
    free, _ = hold_up(thread)
    failed, good = thread.submit(half), thread.submit(adding(8))
    free.set()
    assert isinstance(failed.exception(SOON_SECONDS), KeyError)
    assert good.result(SOON_SECONDS) == 8
    thread.close()
    assert numbers_on_disk(path) == [8]


@ENDS_SOON
def test_an_action_that_its_caller_cancelled_does_not_end_the_thread(path: Path) -> None:
    thread = JournalThread(path, SCHEMA)
    free, _ = hold_up(thread)
    cancelled = thread.submit(adding(1))
    assert cancelled.cancel()
    free.set()
    assert thread.submit(adding(2)).result(SOON_SECONDS) == 2
    thread.close()
    assert numbers_on_disk(path) == [2]
    with pytest.raises(CancelledError):
        cancelled.result()


@ENDS_SOON
def test_closing_finishes_what_was_submitted(path: Path) -> None:
    thread = JournalThread(path, SCHEMA)
    free, _ = hold_up(thread)
    submitted = [thread.submit(adding(number)) for number in range(2000)]
    free.set()
    thread.close()
    assert [one.result(0) for one in submitted] == list(range(2000))
    assert numbers_on_disk(path) == list(range(2000))


@ENDS_SOON
def test_what_comes_after_the_end_is_refused_and_not_left_waiting(path: Path) -> None:
    thread = JournalThread(path, SCHEMA)
    thread.close()
    late = thread.submit(adding(1))
    assert isinstance(late.exception(SOON_SECONDS), RuntimeError)
    thread.close()  # a second time does nothing


@ENDS_SOON
def test_every_action_of_many_threads_ends_while_another_closes(path: Path) -> None:
    thread = JournalThread(path, SCHEMA)
    with ThreadPoolExecutor(4) as pool:
        submitting = [pool.submit(thread.submit, adding(number)) for number in range(1000)]
        wait(submitting[:300])
        thread.close()
        actions = [one.result() for one in submitting]
    done = [one.result(0) for one in actions if one.exception(SOON_SECONDS) is None]
    assert len(done) >= 300
    assert numbers_on_disk(path) == sorted(done)


@ENDS_SOON
def test_an_action_that_ends_the_transaction_itself_hangs_nobody(path: Path) -> None:
    def commit(connection: sqlite3.Connection) -> None:
        connection.execute("COMMIT")

    thread = JournalThread(path, SCHEMA)
    broken = thread.submit(commit)
    assert isinstance(broken.exception(SOON_SECONDS), OSError)
    assert thread.submit(adding(1)).result(SOON_SECONDS) == 1
    thread.close()


NO_JOURNALS = [
    pytest.param(b"this is a letter and no database" * 64, id="text"),
    pytest.param(b"SQLite format 3\x00" + bytes(range(256)) * 16, id="torn header"),
    pytest.param(b"\x00" * 8192, id="zeros"),
]


@ENDS_SOON
@pytest.mark.parametrize("content", NO_JOURNALS)
def test_a_file_that_is_no_journal_is_named_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"journal\.sqlite"):
        JournalThread(path, SCHEMA)
    assert path.read_bytes() == content


@ENDS_SOON
def test_a_folder_in_the_place_of_the_journal_is_named(path: Path) -> None:
    path.mkdir()
    with pytest.raises(InputError, match=r"journal\.sqlite.*unable to open"):
        JournalThread(path, SCHEMA)


FULL_DISK = """
import resource, sys
from pathlib import Path
from tasks.sampling.api.journal_thread import JournalThread

thread = JournalThread(Path(sys.argv[1]), "CREATE TABLE IF NOT EXISTS texts (text BLOB)")
add = lambda connection: connection.execute("INSERT INTO texts VALUES (zeroblob(20000))").rowcount
num_kept = sum(thread.run(add) for _ in range(10))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
try:
    while True:
        num_kept += thread.run(add)
except OSError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    num_kept += thread.run(add)
    thread.close()
    print(num_kept, error)
"""


@ENDS_SOON
def test_a_full_disk_is_a_clear_error_and_the_thread_goes_on_once_there_is_room(path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True
    )
    num_kept, message = child.stdout.split(" ", 1)
    assert str(path) in message
    assert "cannot be written" in message
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM texts").fetchone() == (int(num_kept),)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


OPENING = """
import sys, time
from pathlib import Path
from tasks.sampling.api.journal_thread import JournalThread
from tasks.sampling.api.journal_tables import SCHEMA

time.sleep(max(0.0, float(sys.argv[2]) - time.time()))
for number in range(10):
    JournalThread(Path(f"{sys.argv[1]}-{number}"), SCHEMA).close()
    time.sleep(max(0.0, float(sys.argv[2]) + 0.1 * (number + 1) - time.time()))
"""


@ENDS_SOON
def test_processes_that_make_the_same_journal_at_the_same_time_all_open_it(path: Path) -> None:
    import time

    start = str(time.time() + 2.0)
    children = [
        subprocess.Popen([sys.executable, "-c", OPENING, str(path), start], stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    errors = [child.communicate()[1].decode() for child in children]
    assert errors == [""] * 6
