"""Ways to ask a fake API: OpenAI's own client without retries, and bare sockets."""

import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from tests.fakes.api_calls import CHAT
from tests.fakes.api_server import FakeApi

if TYPE_CHECKING:
    from openai import OpenAI

ASK: dict[str, Any] = {
    "model": "fake-model",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Which is better?"},
    ],
}


def connect(api: FakeApi, *, key: str = "dummy", timeout: float = 20.0) -> "closing[OpenAI]":
    """Return a client that is closed at the end of its `with`."""
    import openai

    return closing(
        openai.OpenAI(base_url=api.base_url, api_key=key, max_retries=0, timeout=timeout)
    )


def ask(api: FakeApi, **more: Any) -> Any:
    """Return what the client makes of one call."""
    with connect(api) as client:
        return client.chat.completions.create(**ASK, **more)


def open_socket(api: FakeApi) -> "closing[socket.socket]":
    """Return a connection that is closed at the end of its `with`."""
    address = ("127.0.0.1", urlsplit(api.base_url).port)
    return closing(socket.create_connection(address, timeout=20))


def post(body: Any, path: str = CHAT) -> bytes:
    """Return a request as it stands on the wire."""
    content = orjson.dumps(body)
    return f"POST {path} HTTP/1.1\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
