"""Open the SQLite file of queues, and make it where it does not exist."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.input_error import InputError
from tasks.annotation.queue.schema import APPLICATION_ID, TABLES, VERSION

_BUSY_SECONDS = 60.0
_SECRET_BYTES = 32
_FOR_THE_OWNER = 0o600
"""The file has hashes of tokens, and the secret that blinding hangs on."""


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    """Commit what the block does, or nothing of it if it raises."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def opened(path: Path) -> sqlite3.Connection:
    """Return a connection to a file that exists: one that was removed must not begin empty again."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", timeout=_BUSY_SECONDS, isolation_level=None, uri=True
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def made(path: Path) -> sqlite3.Connection:
    """Return a connection to a file that has the tables, making what is missing.

    Raises:
        InputError: the file is another program's, or of another version of this one.
        sqlite3.Error, OSError: it cannot be opened.
    """
    # A file that exists must not be opened here: closing it again would end the locks that other
    # connections of this process hold on it, and SQLite would take it for unused.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FOR_THE_OWNER))
    connection = opened(path)
    try:
        _check_kind(connection, path)
        connection.execute("PRAGMA journal_mode=WAL")
        with transaction(connection, "BEGIN IMMEDIATE"):
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={VERSION}")
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO secrets SELECT ? WHERE NOT EXISTS (SELECT 1 FROM secrets)",
                (os.urandom(_SECRET_BYTES),),
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _check_kind(connection: sqlite3.Connection, path: Path) -> None:
    kind = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    num_tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if kind != APPLICATION_ID and num_tables:
        raise InputError(
            f"the SQLite file {str(path)!r} is not one of annotation queues but another program's; "
            "give another file, or one that does not exist yet"
        )
    if kind == APPLICATION_ID and version != VERSION:
        raise InputError(
            f"the file of annotation queues {str(path)!r} has version {version} and this program "
            f"reads version {VERSION}; use the program that made it, or give another file"
        )
