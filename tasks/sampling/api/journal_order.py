"""What a journal's thread is asked to do, and telling those who wait what came of it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tasks.sampling.api.journal_database import Action

Waiting = Future[Any] | asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Order:
    """An action, and what will hold its result: for a thread, or for a coroutine in its loop."""

    action: Action[Any]
    done: Waiting

    def begin(self) -> bool:
        """Tell whether the order is still wanted; from here on its thread cannot cancel it."""
        return not isinstance(self.done, Future) or self.done.set_running_or_notify_cancel()


@dataclass(frozen=True, slots=True)
class End:
    """What came of an order: its result, or its error."""

    done: Waiting
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        """Give the result to whoever waits; a coroutine may have stopped waiting."""
        if isinstance(self.done, asyncio.Future) and self.done.done():
            return
        if self.error is None:
            self.done.set_result(self.result)
        else:
            self.done.set_exception(self.error)


def tell_all(ends: Iterable[End]) -> None:
    """Tell everybody who waits; to wake a loop costs a system call, so it is done once for all."""
    in_loops: dict[asyncio.AbstractEventLoop, list[End]] = defaultdict(list)
    for end in ends:
        if isinstance(end.done, asyncio.Future):
            in_loops[end.done.get_loop()].append(end)
        else:
            end.tell()
    for loop, theirs in in_loops.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell_each, theirs)


def _tell_each(ends: Sequence[End]) -> None:
    for end in ends:
        end.tell()
