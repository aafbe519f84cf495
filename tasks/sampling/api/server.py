"""A server, with everything that a call of it needs."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.sampling.api.bill import Bill
from tasks.sampling.api.journal import Journal
from tasks.sampling.api.params import ApiParams

if TYPE_CHECKING:
    import ssl

    import httpx2
    from openai import AsyncOpenAI

_LONGEST_CONNECT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where calls go, what they cost, and where they are written down."""

    params: ApiParams
    bill: Bill
    journal: Journal
    api_key: str = field(repr=False)

    @property
    def base_url(self) -> str:
        """The server's address, part of every request's key."""
        return self.bill.base_url


def open_openai(server: Server) -> "AsyncOpenAI":
    """Return an openai client without retries."""
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    http = DefaultAsyncHttpxClient(timeout=_timeout(server))
    return AsyncOpenAI(
        base_url=server.base_url, api_key=server.api_key, max_retries=0, http_client=http
    )


def open_http(server: Server, verify: "ssl.SSLContext") -> "httpx2.AsyncClient":
    """Return an HTTP client with one connection, which sends what the openai client would send.

    The openai client spends as much time on a call as HTTP does, on what is not needed here: it
    checks parameters, copies options and makes objects of the reply.
    """
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1)
    http = DefaultAsyncHttpxClient(
        base_url=server.base_url, limits=limits, timeout=_timeout(server), verify=verify
    )
    openai = AsyncOpenAI(base_url=server.base_url, api_key=server.api_key, http_client=http)
    headers = {**openai.default_headers, **openai.auth_headers}
    http.headers.update({name: value for name, value in headers.items() if isinstance(value, str)})
    return http


def _timeout(server: Server) -> "httpx2.Timeout":
    """Return the limits of time of a call's parts.

    That of the connection is shorter: a call that never left is told from one that may have been
    paid.
    """
    import httpx2

    seconds = server.params.timeout_seconds
    return httpx2.Timeout(seconds, connect=min(_LONGEST_CONNECT_SECONDS, seconds / 2))
