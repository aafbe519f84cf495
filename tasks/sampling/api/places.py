"""The places of calls in flight: an HTTP client for each, with one connection."""

import asyncio
from typing import TYPE_CHECKING, Self

from tasks.sampling.api.server import Server, open_http

if TYPE_CHECKING:
    import ssl

    import httpx2


class Places:
    """Hands out HTTP clients, each for one call at a time; as many are made as are in use at once.

    One client for all calls looks through all its idle connections before and after each call: with
    64 in flight that costs a third of its time.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._context: ssl.SSLContext | None = None
        self._made: list[httpx2.AsyncClient] = []
        self._free: list[httpx2.AsyncClient] = []

    async def __aenter__(self) -> Self:
        """Return the places; their connections are closed at the end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await asyncio.gather(*(http.aclose() for http in self._made))

    def take(self) -> "httpx2.AsyncClient":
        """Return a client that nobody uses."""
        if self._free:
            return self._free.pop()
        import httpx2

        self._context = self._context or httpx2.create_ssl_context()  # reads many files, so once
        self._made.append(open_http(self._server, self._context))
        return self._made[-1]

    def give_back(self, http: "httpx2.AsyncClient") -> None:
        """Let others use a client."""
        self._free.append(http)
