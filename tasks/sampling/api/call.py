"""One HTTP call, and what it came to."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from storage.input_error import InputError
from tasks.sampling.api.read_reply import read_reply
from tasks.sampling.api.reply import Outcome, Usage
from tasks.sampling.api.request import ApiRequest

if TYPE_CHECKING:
    import httpx2
    from openai import APIStatusError, AsyncOpenAI

_LONGEST_DETAIL = 300
_LONGEST_FAULTY_BODY = 64_000
_QUOTA = {"insufficient_quota", "billing_hard_limit_reached"}
_NO_CREDIT = 402
_SHORTEST_KEY = 8
_SHOWN_FOR_A_KEY = b"(the key)"
_REQUEST_TIMEOUT = 408
_CONFLICTS = {409, 425}
_TOO_MANY = 429


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


async def call(client: "AsyncOpenAI", request: ApiRequest, timeout_seconds: float) -> Answered:
    """Make the call once and return what came of it.

    The limit of time is for the whole call: the openai client's own is for each read, so a server
    that sends a byte now and then would never reach it.

    Raises:
        InputError: the server refuses the key, does not know the model, or the account has no
            credit: no other call would fare better.
    """
    import httpx2
    import openai

    refused: openai.APIStatusError | None = None
    try:
        async with asyncio.timeout(timeout_seconds):
            response = await client.post(
                request.endpoint, content=orjson.dumps(request.body), cast_to=httpx2.Response
            )
    except openai.APIStatusError as error:
        refused = error
    except (TimeoutError, openai.APIConnectionError) as error:
        return _unanswered(error, timeout_seconds)
    if (
        refused is not None
    ):  # read out here: an error raised in there would carry what may hold the key
        return _refused(refused, request, client.api_key)
    read = read_reply(request, response.content)
    if read.outcome.is_reply:
        return Answered(
            outcome=read.outcome, detail=read.reason, body=response.content, usage=read.usage
        )
    body = without_key(response.content, client.api_key)
    detail = read.reason if body is response.content else read_reply(request, body).reason
    return Answered(
        outcome=read.outcome, detail=detail, body=body[:_LONGEST_FAULTY_BODY], usage=read.usage
    )


def without_key(said: bytes, key: str) -> bytes:
    """Return what a server said without the key, which some repeat; `said` itself if they do not.

    A key that is too short to be one is left: servers on this machine are given any word.
    """
    secret = key.encode()
    if len(secret) < _SHORTEST_KEY or secret not in said:
        return said
    return said.replace(secret, _SHOWN_FOR_A_KEY)


def _unanswered(error: Exception, timeout_seconds: float) -> Answered:
    """Return what a call without a reply came to."""
    import httpx2
    import openai

    cause = error.__cause__ or error
    reached = not isinstance(
        cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout
    )
    if reached and isinstance(error, TimeoutError | openai.APITimeoutError):
        return Answered(outcome=Outcome.TIMEOUT, detail=f"no reply within {timeout_seconds:g} s")
    detail = f"{type(cause).__name__}: {cause}"[:_LONGEST_DETAIL]
    return Answered(outcome=Outcome.DISCONNECTED, detail=detail, reached=reached)


def _refused(error: "APIStatusError", request: ApiRequest, key: str) -> Answered:
    """Return what an HTTP status other than 200 means for this one call.

    Raises:
        InputError: it means the same for all calls.
    """
    status = error.status_code
    said = without_key(str(error.message).encode(errors="replace"), key).decode()[:_LONGEST_DETAIL]
    where = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"
    if status in {401, 403}:
        raise InputError(
            f"{where} refuses the key (HTTP {status}: {said}); set the variable that api.key_env "
            "names, or the Prefect Secret block that api.key_block names"
        )
    if status == _NO_CREDIT or (
        status == _TOO_MANY and {str(error.code), str(error.type)} & _QUOTA
    ):
        raise InputError(
            f"the account at {where} has no credit left (HTTP {status}: {said}); what is paid for is "
            "kept, and the next run goes on from there"
        )
    if status in {404, 405}:
        raise InputError(
            f"{where} has no model {request.model!r} at {request.endpoint} (HTTP {status}: {said}); "
            "name a model that it serves, and check that base_url ends where its API begins (/v1)"
        )
    detail = f"HTTP {status}: {said}"
    body = without_key(error.response.content, key)[:_LONGEST_FAULTY_BODY]
    if status == _TOO_MANY:
        outcome = Outcome.RATE_LIMITED
    elif status >= 500:  # noqa: PLR2004  - where server errors begin
        outcome = Outcome.SERVER_ERROR
    elif status == _REQUEST_TIMEOUT or status in _CONFLICTS:
        outcome = Outcome.TIMEOUT
    else:
        outcome = Outcome.BAD_REQUEST
    wait = retry_after(error.response)
    return Answered(outcome=outcome, detail=detail, body=body, retry_after_seconds=wait)


def retry_after(response: "httpx2.Response") -> float | None:
    """Return the seconds that a server asks to wait, None if it does not or is not understood.

    `retry-after-ms`, or `retry-after` as seconds or as a date (RFC 9110, section 10.2.3).
    """
    from email.utils import parsedate_to_datetime
    from time import time

    headers: Any = response.headers
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (TypeError, ValueError, OverflowError):
        return None
