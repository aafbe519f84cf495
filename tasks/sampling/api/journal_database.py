"""A journal's SQLite file: opened for one thread, written in transactions, its faults in words."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from storage.file_lock import locked
from storage.input_error import InputError

T = TypeVar("T")
Action = Callable[[sqlite3.Connection], T]
_BUSY_SECONDS = 60.0


class ActionError(Exception):
    """An action failed, not the transaction around it; the cause says why."""


def connect(path: Path, schema: str) -> sqlite3.Connection:
    """Return a connection in WAL mode, its tables made; transactions are begun by hand.

    Raises:
        InputError: the file cannot be opened, or is no journal.
    """
    try:
        # SQLite does not wait its turn to turn WAL on: of two processes that make a file at the
        # same time, one would fail with "database is locked".
        with locked(path.with_name(f"{path.name}.lock")):
            return _connected(path, schema)
    except (sqlite3.Error, OSError) as error:
        raise cannot_open(path, error) from error


def cannot_open(path: Path, error: Exception) -> InputError:
    """Return the error of a journal that cannot be opened."""
    return InputError(
        f"the journal of API calls {str(path)!r} cannot be opened ({error}); if the file is damaged, "
        "move it away and what it has is asked and paid again, otherwise give a folder on a local "
        "disk that can be written"
    )


def _connected(path: Path, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN IMMEDIATE")
        for statement in schema.split(";"):
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def transact(connection: sqlite3.Connection, actions: Sequence[Action[Any]]) -> list[Any]:
    """Return what the actions return, all run in one transaction that is on disk by now.

    Raises:
        ActionError: one of them failed, and nothing of any is kept.
        sqlite3.Error: the transaction failed, and nothing of any is kept.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = _results(connection, actions)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _results(connection: sqlite3.Connection, actions: Sequence[Action[Any]]) -> list[Any]:
    try:
        return [action(connection) for action in actions]
    except Exception as error:
        raise ActionError from error


def in_words(error: BaseException, path: Path) -> BaseException:
    """Return the error as an OSError if the file or its disk is at fault, otherwise itself."""
    faults_of_callers = sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError
    if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, faults_of_callers):
        return error
    said = OSError(
        f"the journal of API calls {str(path)!r} cannot be written ({error}); what is in it is kept: "
        "see to the disk that it is on, and run again"
    )
    said.__cause__ = error
    return said
