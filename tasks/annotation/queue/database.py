"""The SQLite file of queues: a connection for each thread, and its faults in words."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.file_lock import locked
from storage.input_error import InputError
from tasks.annotation.queue.open_file import made, opened, transaction

_FAULTS_OF_CALLERS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)


class QueueDatabase:
    """Transactions on one file, from any number of threads and processes.

    What was written is on disk when `writing` ends (`synchronous=FULL`).

    Raises:
        InputError: the file cannot be opened, or is not one of queues.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._turn = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite does not wait its turn to turn WAL on: of two processes that make a file at the
            # same time, one would fail with "database is locked".
            with locked(path.with_name(f"{path.name}.lock")):
                self._local.connection = made(path)
        except (sqlite3.Error, OSError) as error:
            raise InputError(
                f"the file of annotation queues {str(path)!r} cannot be opened ({error}); give a file "
                "on a local disk that can be written, or one that does not exist yet"
            ) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction of its own, written when the block ends well.

        Raises:
            OSError: the file cannot be written, as on a full disk; nothing of the block is kept.
        """
        with self._in_words("written"):
            connection = self._connection()
            # SQLite lets writers wait by sleeping, longer each time; threads of one process queue
            # up here instead, so that none waits much longer than the others.
            with self._turn, transaction(connection, "BEGIN IMMEDIATE"):
                yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one state of the file throughout the block.

        Raises:
            OSError: the file cannot be read.
        """
        with self._in_words("read"):
            connection = self._connection()
            with transaction(connection, "BEGIN"):
                yield connection

    def close(self) -> None:
        """Close the connection of the calling thread; those of other threads end with them."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = opened(self.path)
        return connection

    @contextmanager
    def _in_words(self, done: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, _FAULTS_OF_CALLERS):
                raise
            raise OSError(
                f"the file of annotation queues {str(self.path)!r} cannot be {done} ({error}); labels "
                "that were acknowledged are kept in it: see to its disk (space, permissions, other "
                "programs that lock the file), and try again"
            ) from error
