"""The SQLite file of an index: made when it is missing, made again when it is broken."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from storage.file_lock import locked
from storage.manifest_json import UnreadableManifestError

T = TypeVar("T")
VERSION = 1
_BUSY_SECONDS = 60.0
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLES = """
CREATE TABLE manifests (
    artifact_id TEXT PRIMARY KEY, table_name TEXT NOT NULL, key TEXT NOT NULL,
    run_id TEXT NOT NULL, created_at TEXT NOT NULL, flow_run_id TEXT NOT NULL,
    outputs TEXT NOT NULL, manifest BLOB NOT NULL, etag TEXT NOT NULL);
CREATE INDEX manifests_of_key ON manifests (key);
CREATE TABLE parents (
    artifact_id TEXT, parent_id TEXT, PRIMARY KEY (artifact_id, parent_id)) WITHOUT ROWID;
CREATE INDEX children ON parents (parent_id);
CREATE TABLE retracted (artifact_id TEXT PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE unreadable (name TEXT PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE pending (run_id TEXT PRIMARY KEY, outputs TEXT NOT NULL);
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, key TEXT NOT NULL, created_at TEXT NOT NULL,
    flow_run_id TEXT NOT NULL, outputs TEXT NOT NULL);
CREATE INDEX runs_of_key ON runs (key);
CREATE TABLE visible (
    artifact_id TEXT PRIMARY KEY, key TEXT NOT NULL, run_id TEXT NOT NULL,
    superseded INTEGER NOT NULL);
CREATE INDEX visible_of_key ON visible (key);
"""
"""`runs` (complete ones) and `visible` follow from the other tables by `run_states`."""


class IndexDatabase:
    """Gives one transaction at a time on a SQLite file in WAL mode.

    Every transaction has a connection of its own (a fraction of a millisecond), so threads and
    forked processes need no care, and a file that was deleted or damaged while this process runs
    is noticed. `fill` is called inside the transaction that makes the tables. A lock file beside
    the database keeps everybody else out while the file itself is replaced.
    """

    def __init__(self, path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self._lock = path.with_suffix(".lock")
        self._fill = fill

    def run(self, action: Callable[[sqlite3.Connection], T], *, write: bool = False) -> T:
        """Return what `action` returns, called in one transaction; rebuild a broken file first.

        `action` may be called twice and must do nothing outside the database.
        """
        try:
            return self._attempt(action, write=write)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in _BROKEN:
                raise
        except UnreadableManifestError:
            pass  # it was readable when it was put in, so this is damage too
        self.rebuild()
        return self._attempt(action, write=write)

    def rebuild(self) -> None:
        """Throw the file away and make it from the manifests."""
        with locked(self._lock):
            for suffix in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            self._create()

    def _attempt(self, action: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
        while True:
            with locked(self._lock, shared=True), self._connect() as connection:
                if _version(connection) == VERSION:
                    with _transaction(connection, write=write):
                        return action(connection)
            self._create_if_needed()

    def _create_if_needed(self) -> None:
        with locked(self._lock):
            with self._connect() as connection:
                found = _version(connection)
            if found == 0:
                self._create()
        if found not in (0, VERSION):
            self.rebuild()

    def _create(self) -> None:
        with self._connect() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            with _transaction(connection, write=True):
                for statement in _TABLES.split(";\n"):
                    connection.execute(statement)
                self._fill(connection)
                connection.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        with closing(connection):
            yield connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _transaction(connection: sqlite3.Connection, *, write: bool) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
