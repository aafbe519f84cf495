"""What an HTTP status other than 200 means."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from storage.input_error import InputError
from tasks.sampling.api.reply import Outcome
from tasks.sampling.api.request import ApiRequest

if TYPE_CHECKING:
    import httpx2

LONGEST_DETAIL = 300
_QUOTA = {"insufficient_quota", "billing_hard_limit_reached"}
_NO_CREDIT = 402
_REQUEST_TIMEOUT = 408
_CONFLICTS = {409, 425}
_TOO_MANY = 429
_SHORTEST_KEY = 8
_SHOWN_FOR_A_KEY = b"(the key)"


@dataclass(frozen=True, slots=True)
class Refused:
    """What a refusal means for one call, and in which words."""

    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class _Said:
    """What the body of an error says: in words, and by its names."""

    message: str
    names: frozenset[str]


def without_key(said: bytes, key: str) -> bytes:
    """Return what a server said without the key, which some repeat; `said` itself if they do not.

    A key that is too short to be one is left: servers on this machine are given any word.
    """
    secret = key.encode()
    if len(secret) < _SHORTEST_KEY or secret not in said:
        return said
    return said.replace(secret, _SHOWN_FOR_A_KEY)


def refused(response: "httpx2.Response", request: ApiRequest, key: str) -> Refused:
    """Return what a refusal means for this one call.

    Raises:
        InputError: it means the same for all calls: the key, the model, the account.
    """
    status = response.status_code
    heard = _heard(without_key(response.content, key))
    said = heard.message[:LONGEST_DETAIL]
    where = f"{response.request.url.scheme}://{response.request.url.netloc.decode()}"
    if status in {401, 403}:
        raise InputError(
            f"{where} refuses the key (HTTP {status}: {said}); set the variable that api.key_env "
            "names, or the Prefect Secret block that api.key_block names"
        )
    if status == _NO_CREDIT or (status == _TOO_MANY and heard.names & _QUOTA):
        raise InputError(
            f"the account at {where} has no credit left (HTTP {status}: {said}); what is paid for is "
            "kept, and the next run goes on from there"
        )
    if status in {404, 405}:
        raise InputError(
            f"{where} has no model {request.model!r} at {request.endpoint} (HTTP {status}: {said}); "
            "name a model that it serves, and check that base_url ends where its API begins (/v1)"
        )
    return Refused(_outcome(status), f"HTTP {status}: {said}")


def _outcome(status: int) -> Outcome:
    if status == _TOO_MANY:
        return Outcome.RATE_LIMITED
    if status >= 500:  # noqa: PLR2004  - where server errors begin
        return Outcome.SERVER_ERROR
    if status == _REQUEST_TIMEOUT or status in _CONFLICTS:
        return Outcome.TIMEOUT
    return Outcome.BAD_REQUEST


def _heard(body: bytes) -> _Said:
    """Return what an error says: in OpenAI's form, or whatever bytes came."""
    shown = body.decode(errors="replace").strip()
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _Said(shown, frozenset())
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return _Said(shown, frozenset())
    message = error.get("message")
    names = frozenset(str(error.get(name)) for name in ("code", "type"))
    return _Said(message if isinstance(message, str) and message else shown, names)


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
