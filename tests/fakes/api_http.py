"""HTTP/1.1 with keep-alive over asyncio: enough for clients of an API, and fast."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request; the names of its headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def key(self) -> str:
        """The bearer key, empty if none was sent."""
        return self.headers.get("authorization", "").removeprefix("Bearer ").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """One reply, when it is sent and how much of it: what is not whole ends the connection."""

    status: int = 200
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    wait_seconds: float = 0.0
    sent: Literal["whole", "half", "nothing"] = "whole"

    def wire(self) -> bytes:
        """Return the bytes that are sent; half a reply is the whole head and half of the body."""
        if self.sent == "nothing":
            return b""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"content-type: {self.content_type}",
            f"content-length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        head = "\r\n".join(lines).encode("latin-1") + _END_OF_HEAD
        return head + (self.body if self.sent == "whole" else self.body[: len(self.body) // 2])


@dataclass(slots=True)
class Traffic:
    """How many requests are being answered at this moment, and the most that ever were."""

    in_flight: int = 0
    max_in_flight: int = 0
    open_connections: set["Connection"] = field(default_factory=set)

    def enter(self) -> None:
        """Count a request that came."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def leave(self) -> None:
        """Count a request that was answered, or whose client has gone."""
        self.in_flight -= 1


class Connection(asyncio.Protocol):
    """One client's connection: its requests are answered one after the other.

    An exception from `serve` closes the connection; asyncio hands it to the loop's handler.
    """

    def __init__(self, serve: Callable[[HttpRequest], HttpReply], traffic: Traffic) -> None:
        self._serve = serve
        self._traffic = traffic
        self._buffer = bytearray()
        self._head: HttpRequest | None = None
        self._is_busy = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back to the client."""
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._traffic.open_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        """Forget the request that was being answered."""
        self._traffic.open_connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._is_busy:
            self._is_busy = False
            self._traffic.leave()

    def data_received(self, data: bytes) -> None:
        """Answer what has come whole."""
        self._buffer += data
        self._take()

    def _take(self) -> None:
        while not self._is_busy and not self.transport.is_closing():
            request = self._next_request()
            if request is None:
                return
            self._is_busy = True
            self._traffic.enter()
            reply = self._serve(request)
            if reply.wait_seconds > 0:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(reply.wait_seconds, self._send_late, reply)
            else:
                self._send(reply)

    def _send_late(self, reply: HttpReply) -> None:
        self._send(reply)
        self._take()

    def _send(self, reply: HttpReply) -> None:
        # Counted first: a client that has the reply may look at once.
        self._is_busy = False
        self._traffic.leave()
        self.transport.write(reply.wire())
        if reply.sent != "whole":
            self.transport.close()

    def _next_request(self) -> HttpRequest | None:
        if self._head is None:
            end = self._buffer.find(_END_OF_HEAD)
            if end < 0:
                return None
            self._head = _parsed_head(bytes(self._buffer[:end]))
            del self._buffer[: end + len(_END_OF_HEAD)]
        head = self._head
        length = int(head.headers.get("content-length", 0))
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._head = None
        return HttpRequest(
            method=head.method, path=head.path, query=head.query, headers=head.headers, body=body
        )


def _parsed_head(head: bytes) -> HttpRequest:
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = request_line.split(" ")
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    if "transfer-encoding" in headers:
        raise ValueError(
            f"{method} {target} came with transfer-encoding {headers['transfer-encoding']!r}; "
            "the fake reads only bodies with a content-length"
        )
    address = urlsplit(target)
    query = dict(parse_qsl(address.query))
    return HttpRequest(method=method, path=unquote(address.path), query=query, headers=headers)
