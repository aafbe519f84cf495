"""One HTTP call, and what it came to."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from tasks.sampling.api.read_reply import read_reply
from tasks.sampling.api.refused import LONGEST_DETAIL, refused, retry_after, without_key
from tasks.sampling.api.reply import Outcome, Usage
from tasks.sampling.api.request import ApiRequest

if TYPE_CHECKING:
    import httpx2

_LONGEST_FAULTY_BODY = 64_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of one call. `retry_after_seconds` is what the server asks to wait, if it does."""

    outcome: Outcome
    detail: str = ""
    body: bytes = b""
    usage: Usage | None = None
    reached: bool = True
    """The server may have worked on it; false where no connection was made."""
    retry_after_seconds: float | None = None


async def call(
    http: "httpx2.AsyncClient", request: ApiRequest, timeout_seconds: float, *, api_key: str
) -> Answered:
    """Make the call once and return what came of it; `http` knows the server and sends the key.

    The limit of time is for the whole call: the HTTP client's own is for each read, so a server
    that sends a byte now and then would never reach it.

    Raises:
        InputError: the server refuses the key, does not know the model, or the account has no
            credit: no other call would fare better.
    """
    import anyio
    import httpx2

    try:
        async with asyncio.timeout(timeout_seconds):
            response = await http.post(request.endpoint, content=orjson.dumps(request.body))
    except (httpx2.RequestError, anyio.EndOfStream, OSError) as error:
        return _unanswered(error, timeout_seconds)
    if not response.is_success:
        refusal = refused(response, request, api_key)
        return Answered(
            outcome=refusal.outcome,
            detail=refusal.detail,
            body=without_key(response.content, api_key)[:_LONGEST_FAULTY_BODY],
            retry_after_seconds=retry_after(response),
        )
    return _read(response.content, request, api_key)


def _read(body: bytes, request: ApiRequest, key: str) -> Answered:
    """Return what a body that came with HTTP 200 is."""
    read = read_reply(request, body)
    if read.outcome.is_reply:
        return Answered(outcome=read.outcome, detail=read.reason, body=body, usage=read.usage)
    shown = without_key(body, key)
    detail = read.reason if shown is body else read_reply(request, shown).reason
    kept = shown[:_LONGEST_FAULTY_BODY]
    return Answered(outcome=read.outcome, detail=detail, body=kept, usage=read.usage)


def _unanswered(error: Exception, timeout_seconds: float) -> Answered:
    """Return what a call without a reply came to."""
    import httpx2

    reached = not isinstance(
        error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout
    )
    if reached and isinstance(error, TimeoutError | httpx2.TimeoutException):
        return Answered(outcome=Outcome.TIMEOUT, detail=f"no reply within {timeout_seconds:g} s")
    detail = f"{type(error).__name__}: {error}"[:LONGEST_DETAIL]
    return Answered(outcome=Outcome.DISCONNECTED, detail=detail, reached=reached)
