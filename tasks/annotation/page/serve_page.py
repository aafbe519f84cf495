"""Run the page in this process until it is told to stop."""

import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread

import uvicorn
from fastapi import FastAPI

from storage.input_error import InputError

TICK_SECONDS = 5.0
_STOP_SECONDS = 5
_KEPT_SECONDS = 65
"""How long an idle connection is kept: longer than most comparisons take to read."""
_log = logging.getLogger(__name__)


def serve_page(
    app: FastAPI,
    host: str,
    port: int,
    on_tick: Callable[[], None] | None = None,
    *,
    on_start: Callable[[int], None] | None = None,
) -> None:
    """Serve `app` until SIGINT or SIGTERM comes; requests that came before are answered.

    Port 0 takes any that is free; `on_start` is told the port as soon as the page can be reached.
    `on_tick` is called every few seconds in a thread of its own; what it raises is logged.

    Raises:
        InputError: the address cannot be served.
    """
    with listening(host, port) as listener, _ticking(on_tick):
        if on_start is not None:
            on_start(listener.getsockname()[1])
        page_server(app).run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; connections wait until it is served.

    Raises:
        InputError: the port is taken or not allowed, or this machine has no such address.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server((address[0], port), family=family, backlog=1024)
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(
            f"the page cannot be served at port {port} of {host!r} ({error}); give another port "
            "(0 takes any that is free), end what uses this one, or give an address of this machine"
        ) from error
    # Connections inherit it. asyncio sets it only where it made the socket, and without it the end
    # of each reply waits 40 ms for the client to acknowledge its beginning.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class PageServer(uvicorn.Server):
    """A server that ends when it is told to, without ending the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM; uvicorn raises them again afterwards."""
        if current_thread() is not main_thread():  # only the main thread may ask for signals
            yield
            return
        asked = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in asked}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def page_server(app: FastAPI) -> PageServer:
    """Return a server that logs warnings and errors only, and requests not at all."""
    return PageServer(
        uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level=logging.WARNING,
            server_header=False,
            timeout_keep_alive=_KEPT_SECONDS,
            proxy_headers=False,  # who guesses tokens is told by the real address
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )


@contextmanager
def _ticking(on_tick: Callable[[], None] | None) -> Iterator[None]:
    if on_tick is None:
        yield
        return
    stopped = Event()
    ticker = Thread(target=_tick, args=(on_tick, stopped), name="annotation-tick", daemon=True)
    ticker.start()
    try:
        yield
    finally:
        stopped.set()
        ticker.join(_STOP_SECONDS)


def _tick(on_tick: Callable[[], None], stopped: Event) -> None:
    while not stopped.wait(TICK_SECONDS):
        try:
            on_tick()
        except Exception:  # noqa: BLE001 - whatever fails here, people go on labelling
            _log.exception("what the annotation page does every few seconds failed; it tries again")
