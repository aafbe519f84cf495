"""What stands between every request and the page: its headers, its origin and its size."""

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tasks.annotation.page.page_settings import PageSettings
from tasks.annotation.page.request_check import (
    Refusal,
    changes_something,
    check_body,
    check_origin,
)

MOST_BODY_BYTES = 65_536
STATIC = "/static/"
_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TOO_LARGE = Refusal(413, f"The request is larger than {MOST_BODY_BYTES} bytes; shorten the note.")


class Guard:
    """Passes on what comes from the page itself, with its whole body; answers the rest itself.

    It stands around everything else, so that every reply has its headers, failures too.
    """

    def __init__(self, app: ASGIApp, settings: PageSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on the start and the end of the server."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, _with_headers(scope["path"], send))
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = check_origin(scope["method"], scope["path"], headers, self._settings)
        if refusal is None and changes_something(scope["method"]):
            body = await _whole_body(headers, receive)
            if body is None:
                refusal = _TOO_LARGE
            else:
                refusal = check_body(scope["method"], headers, body)
                receive = _given(body, receive)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            reply = JSONResponse({"error": refusal.error}, refusal.status)
            await reply(scope, receive, send)


def _with_headers(path: str, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            # A browser keeps the files of the page, but asks each time whether they are the same.
            headers["Cache-Control"] = "no-cache" if path.startswith(STATIC) else "no-store"
        await send(message)

    return send_with_headers


async def _whole_body(headers: Mapping[str, str], receive: Receive) -> bytes | None:
    """Return the body, null if it is too large; the length that a client claims is not trusted."""
    claimed = headers.get("content-length", "")
    if claimed.isdecimal() and int(claimed) > MOST_BODY_BYTES:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _given(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_given() -> Message:
        return messages.pop() if messages else await receive()

    return receive_given
