"""An OpenAI-compatible server on this machine, with faults by schedule."""

import argparse
import asyncio
import importlib
import socket
import sys
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from tests.fakes.api_calls import Call
from tests.fakes.api_chat import Answer, Json, echo
from tests.fakes.api_endpoints import Behaviour, Endpoints
from tests.fakes.api_http import Connection, Traffic
from tests.fakes.api_schedule import TRANSIENT


class FakeApi:
    """A server in a thread of its own, between `with` and its end.

    Its other parameters are the fields of `Behaviour`; with a `log`, each call of a model adds one
    JSON line to that file before it is answered. What `answer`, `decide` or a schedule raises closes
    the connection, and is raised again at the end.
    """

    def __init__(self, *, port: int = 0, log: Path | None = None, **behaviour: Any) -> None:
        self._port = port
        self._traffic = Traffic()
        self._endpoints = Endpoints(Behaviour(**behaviour), self._traffic, log)
        self._failures: list[BaseException] = []
        self._is_ready = Event()

    def __enter__(self) -> Self:
        """Listen, and return the server once it answers."""
        self._socket = socket.create_server(("127.0.0.1", self._port), backlog=1024)
        self._port = self._socket.getsockname()[1]
        self._thread = Thread(target=lambda: asyncio.run(self._listen()), daemon=True)
        self._thread.start()
        self._is_ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection; raise what went wrong inside, unless something did outside."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._endpoints.calls.close()
        if self._failures and error is None:
            raise self._failures[0]

    @property
    def base_url(self) -> str:
        """The address that a client is given."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def calls(self) -> list[Call]:
        """The calls of a model so far, the lines of batches among them."""
        return list(self._endpoints.calls.calls)

    @property
    def other_calls(self) -> list[Call]:
        """The calls about files, batches and models so far."""
        return list(self._endpoints.others.calls)

    @property
    def num_billed(self) -> int:
        """How many calls the model worked on, whether or not the client got the reply."""
        return sum(call.is_billed for call in self.calls)

    @property
    def in_flight(self) -> int:
        """The requests that are being answered now."""
        return self._traffic.in_flight

    @property
    def max_in_flight(self) -> int:
        """The most requests that were ever being answered at the same time."""
        return self._traffic.max_in_flight

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._loop.set_exception_handler(lambda _, context: self._fail(context))
        connect = partial(Connection, self._endpoints.serve, self._traffic)
        server = await self._loop.create_server(connect, sock=self._socket, backlog=1024)
        self._is_ready.set()
        await self._stop.wait()
        server.close()
        for connection in list(self._traffic.open_connections):
            connection.transport.abort()

    def _fail(self, context: Json) -> None:
        error = context.get("exception")
        self._failures.append(error or RuntimeError(context["message"]))


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--stall-seconds", type=float, default=3.0)
    parser.add_argument("--faults", type=float, default=0.0, help="share of calls that fail")
    parser.add_argument("--kinds", default=",".join(TRANSIENT), help="faults that are drawn from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="file of one JSON line per call")
    parser.add_argument("--answer", default="", help="module:function that answers; default: echo")
    return parser.parse_args(given)


def _found(name: str) -> Answer:
    module, _, function = name.partition(":")
    answer: Answer = getattr(importlib.import_module(module), function)
    return answer


def main(given: list[str] | None = None) -> None:
    """Serve until the process is ended; the first line of output is the server's address."""
    arguments = _arguments(given)
    api = FakeApi(
        port=arguments.port,
        log=arguments.log,
        answer=_found(arguments.answer) if arguments.answer else echo,
        delay_seconds=arguments.delay_ms / 1000,
        stall_seconds=arguments.stall_seconds,
        fault_share=arguments.faults,
        kinds=arguments.kinds.split(","),
        seed=arguments.seed,
    )
    with api:
        sys.stdout.write(f"{api.base_url}\n")
        sys.stdout.flush()
        Event().wait()


if __name__ == "__main__":
    main()
