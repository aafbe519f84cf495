"""A server, with everything that a call of it needs."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.sampling.api.bill import Bill
from tasks.sampling.api.journal import Journal
from tasks.sampling.api.params import ApiParams

if TYPE_CHECKING:
    import ssl

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


def open_openai(
    server: Server, *, max_connections: int | None = None, verify: "ssl.SSLContext | bool" = True
) -> "AsyncOpenAI":
    """Return an openai client without retries, with a connection for every call in flight."""
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    num = max_connections or server.params.max_concurrency
    limits = httpx2.Limits(max_connections=num, max_keepalive_connections=num)
    seconds = server.params.timeout_seconds
    # Less for the connection: a call that never left is told from one that may have been paid.
    timeout = httpx2.Timeout(seconds, connect=min(_LONGEST_CONNECT_SECONDS, seconds / 2))
    http = DefaultAsyncHttpxClient(limits=limits, timeout=timeout, verify=verify)
    return AsyncOpenAI(
        base_url=server.base_url, api_key=server.api_key, max_retries=0, http_client=http
    )
