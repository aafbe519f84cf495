"""One thread that writes to a SQLite file: what arrives while it commits is committed together."""

import asyncio
import queue
import sqlite3
import threading
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

from tasks.sampling.api.journal_database import Action, ActionError, T, connect, in_words, transact
from tasks.sampling.api.journal_order import End, Order, tell_all

MOST_AT_ONCE = 512


class JournalThread:
    """Runs actions on a database, many in one transaction; an action is done once it is on disk.

    A commit waits for the disk (`synchronous=FULL`), so that neither a killed process nor a power
    cut loses an action that was done. Calling from many coroutines costs one such wait for all that
    have gathered, not one for each. An action may be run twice, the first time without effect: it
    reads and writes the database and nothing else. Whatever goes wrong, every future ends.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._ready: Future[None] = Future()
        self._schema = schema
        self._end = threading.Lock()
        self._has_ended = False
        self._thread.start()
        self._ready.result()

    def submit(self, action: Action[T]) -> "Future[T]":
        """Return what will hold the result of `action`, or what it raised.

        It holds an OSError where the file cannot be written, as on a full disk.
        """
        done: Future[T] = Future()
        self._put(Order(action, done))
        return done

    def start(self, action: Action[T]) -> "asyncio.Future[T]":
        """Return the same in the running event loop; what is started is done, cancelled or not."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(Order(action, done))
        return done

    def _put(self, order: Order) -> None:
        with self._end:
            if not self._has_ended:
                self._orders.put(order)
                return
        order.done.set_exception(RuntimeError(f"the journal {str(self._path)!r} is closed"))

    def run(self, action: Action[T]) -> T:
        """Return the result of `action`, waiting for it."""
        return self.submit(action).result()

    def close(self) -> None:
        """Finish everything that was submitted and end the thread."""
        with self._end:
            if not self._has_ended:
                self._has_ended = True
                self._orders.put(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            connection = connect(self._path, self._schema)
        except Exception as error:  # noqa: BLE001  - whatever it is, whoever waits must hear of it
            self._ready.set_exception(error)
            return
        self._ready.set_result(None)
        with closing(connection):
            open_for_orders = True
            while open_for_orders:
                orders, open_for_orders = self._gather()
                self._commit(connection, orders)

    def _gather(self) -> tuple[list[Order], bool]:
        """Return the orders that wait, and whether more may come."""
        first = self._orders.get()
        if first is None:
            return [], False
        gathered: list[Order | None] = [first]
        while len(gathered) < MOST_AT_ONCE and gathered[-1] and not self._orders.empty():
            gathered.append(self._orders.get())
        # From here on nobody can cancel an order: what its caller gave up before is not done.
        orders = [one for one in gathered if one and one.begin()]
        return orders, gathered[-1] is not None

    def _commit(self, connection: sqlite3.Connection, orders: list[Order]) -> None:
        """Run the orders in one transaction, or each in its own if one of them fails."""
        if not orders:
            return
        try:
            results = transact(connection, [order.action for order in orders])
        except ActionError as error:
            if len(orders) == 1:
                self._fail(orders, error.__cause__ or error)
                return
            for order in orders:
                self._commit(connection, [order])
        except Exception as error:  # noqa: BLE001  - whatever it is, whoever waits must hear of it
            self._fail(orders, error)
        else:
            tell_all(End(order.done, result) for order, result in zip(orders, results, strict=True))

    def _fail(self, orders: list[Order], error: BaseException) -> None:
        said = in_words(error, self._path)
        tell_all(End(order.done, error=said) for order in orders)
