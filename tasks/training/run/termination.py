"""SIGTERM as a wish that long work asks about, instead of an end in its midst."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Termination:
    """Whether this process was asked to end; further signals change nothing."""

    is_asked: bool = False

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        """Note the signal."""
        self.is_asked = True


_watching: list[Termination] = []  # of the main thread, innermost last


@contextmanager
def termination_watched() -> Iterator[Termination]:
    """Yield whether SIGTERM has come; what handled it before gets it at the end.

    Prefect's engine is such an earlier handler: it ends its flow then. Python handles signals in
    the main thread only. In another thread this is what the main thread watches with the same
    function, around the wait for that thread; where it does not, SIGTERM does what it always
    did, and that is logged.
    """
    if threading.current_thread() is not threading.main_thread():
        if not _watching:
            _LOG.warning(
                "training runs in thread %s: it cannot handle SIGTERM there and would go on from "
                "its last periodic checkpoint; run it in the main thread to get one at SIGTERM",
                threading.current_thread().name,
            )
        yield _watching[-1] if _watching else Termination()
        return
    termination = Termination()
    earlier = signal.signal(signal.SIGTERM, termination.ask)
    _watching.append(termination)
    try:
        yield termination
    finally:
        _watching.remove(termination)
        # None stands for a handler that was not set from Python and cannot be put back
        signal.signal(signal.SIGTERM, signal.SIG_DFL if earlier is None else earlier)
        if termination.is_asked:
            signal.raise_signal(signal.SIGTERM)
