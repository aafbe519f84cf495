"""Faults that no text is to blame for: of the limits, of the server, of the way to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import orjson

from tests.fakes.api_chat import Json
from tests.fakes.api_http import HttpReply

_PAGE = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call that is to fail; `reply` makes what it would have got."""

    body: Json
    key: str
    reply: Callable[[], HttpReply]
    stall_seconds: float
    retry_after_seconds: float

    @property
    def is_chat(self) -> bool:
        """The call asks for texts, not for decisions."""
        return "messages" in self.body

    @property
    def model(self) -> str:
        """The model that is asked, empty where none is."""
        return str(self.body.get("model", ""))

    def good(self) -> Json:
        """Return the JSON that the call would have got."""
        value: Json = orjson.loads(self.reply().body)
        return value


Reply = Callable[[], HttpReply]
Fault = Callable[[Asked], HttpReply]
"""From a call to what it gets instead of a good reply."""


def json_reply(value: Json, status: int = 200) -> HttpReply:
    """Return a value as JSON."""
    return HttpReply(status=status, body=orjson.dumps(value))


def error_reply(
    status: int, message: str, *, kind: str, code: str | None = None, param: str | None = None
) -> HttpReply:
    """Return an error as OpenAI words it."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return json_reply({"error": error}, status)


def rate_limited_without_header(asked: Asked) -> HttpReply:
    """Return a 429 that does not say when to come back."""
    message = f"Rate limit reached for {asked.model}."
    return error_reply(429, message, kind="requests", code="rate_limit_exceeded")


def rate_limited(asked: Asked) -> HttpReply:
    """Return a 429 with a retry-after header."""
    headers = (("retry-after", f"{asked.retry_after_seconds:g}"),)
    return replace(rate_limited_without_header(asked), headers=headers)


def out_of_quota(asked: Asked) -> HttpReply:
    """Return a 429 that no waiting helps against."""
    message = "You exceeded your current quota, please check your plan and billing details."
    return error_reply(429, message, kind="insufficient_quota", code="insufficient_quota")


def server_error(asked: Asked) -> HttpReply:
    """Return a 500."""
    return error_reply(500, "The server had an error.", kind="server_error")


def overloaded(asked: Asked) -> HttpReply:
    """Return a 503."""
    return error_reply(503, "The engine is currently overloaded.", kind="service_unavailable")


def unauthorized(asked: Asked) -> HttpReply:
    """Return a 401 that repeats the key, as some servers do: it must not reach a log."""
    message = f"Incorrect API key provided: {asked.key}."
    return error_reply(401, message, kind="invalid_request_error", code="invalid_api_key")


def no_such_model(asked: Asked) -> HttpReply:
    """Return a 404."""
    message = f"The model `{asked.model}` does not exist or you do not have access to it."
    kind, code = "invalid_request_error", "model_not_found"
    return error_reply(404, message, kind=kind, code=code, param="model")


def too_long(asked: Asked) -> HttpReply:
    """Return a 400 about a prompt that is longer than the model's context."""
    message = "This model's maximum context length is 8192 tokens; your messages have more."
    kind, code = "invalid_request_error", "context_length_exceeded"
    return error_reply(400, message, kind=kind, code=code, param="messages")


def html(asked: Asked) -> HttpReply:
    """Return a gateway's page under status 200."""
    return HttpReply(body=_PAGE, content_type="text/html; charset=utf-8")


def truncated(asked: Asked) -> HttpReply:
    """Return half of the JSON as if it were all."""
    whole = asked.reply()
    return replace(whole, body=whole.body[: len(whole.body) // 2])


def empty(asked: Asked) -> HttpReply:
    """Return `{}`."""
    return json_reply({})


def error_body(asked: Asked) -> HttpReply:
    """Return an error object under status 200."""
    return replace(server_error(asked), status=200)


def closed(asked: Asked) -> HttpReply:
    """Return nothing: the connection ends."""
    return HttpReply(body=b"", sent="nothing")


def closed_midway(asked: Asked) -> HttpReply:
    """Return half of the body that was announced; then the connection ends."""
    return replace(asked.reply(), sent="half")


def stalled(asked: Asked) -> HttpReply:
    """Return a good reply, late."""
    return replace(asked.reply(), wait_seconds=asked.stall_seconds)
