"""One call over HTTP: each way to fail has its name, and the key stays where it belongs."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import httpx2
import pytest

from storage.input_error import InputError
from tasks.sampling.api.bill import Bill
from tasks.sampling.api.call import Answered, call
from tasks.sampling.api.params import ApiParams
from tasks.sampling.api.prices import Prices
from tasks.sampling.api.refused import retry_after
from tasks.sampling.api.reply import Outcome
from tasks.sampling.api.request import ApiRequest
from tasks.sampling.api.server import Server, open_http
from tests.fakes.api_asking import KEY, chat
from tests.fakes.api_server import FakeApi


def answered(
    url: str, request: ApiRequest | None = None, *, timeout_seconds: float = 5.0
) -> Answered:
    params = ApiParams(base_url=url, timeout_seconds=timeout_seconds)
    journal: Any = None  # a call knows nothing of it
    server = Server(params, Bill(Prices({}), url), journal, KEY)

    async def make() -> Answered:
        async with open_http(server, httpx2.create_ssl_context()) as http:
            asked = request or chat("hello there")
            return await call(http, asked, timeout_seconds, api_key=KEY)

    return asyncio.run(make())


@contextlib.contextmanager
def serving(*parts: bytes, pause_seconds: float = 0.0) -> Iterator[str]:
    """Yield the address of a server that sends these bytes to whoever comes, one after the other."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(100_000)
                    for part in parts:
                        connection.sendall(part)
                        over.wait(pause_seconds)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    over.set()
    with contextlib.suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


FAULTS = [
    ("429", Outcome.RATE_LIMITED),
    ("429-no-header", Outcome.RATE_LIMITED),
    ("500", Outcome.SERVER_ERROR),
    ("503", Outcome.SERVER_ERROR),
    ("400-context", Outcome.BAD_REQUEST),
    ("html", Outcome.NOT_JSON),
    ("truncated", Outcome.NOT_JSON),
    ("empty", Outcome.NOT_A_COMPLETION),
    ("error-body", Outcome.NOT_A_COMPLETION),
    ("no-choices", Outcome.NO_CHOICES),
    ("null-content", Outcome.NO_CONTENT),
    ("blank-content", Outcome.NO_CONTENT),
    ("closed", Outcome.DISCONNECTED),
    ("closed-mid", Outcome.DISCONNECTED),
    ("stall", Outcome.TIMEOUT),
    ("refusal", Outcome.REFUSAL),
    ("content-filter", Outcome.CONTENT_FILTER),
    ("length", Outcome.LENGTH),
    ("prose", Outcome.OK),
]


@pytest.mark.parametrize(("fault", "outcome"), FAULTS)
def test_each_fault_is_its_own_outcome(fault: str, outcome: Outcome) -> None:
    with FakeApi(faults=[fault], stall_seconds=3.0, retry_after_seconds=7.0) as api:
        came = answered(api.base_url, timeout_seconds=0.5 if fault == "stall" else 5.0)
        assert len(api.calls) == 1
    assert came.outcome is outcome
    assert came.reached
    assert bool(came.detail) is (outcome not in {Outcome.OK, Outcome.LENGTH})
    assert came.retry_after_seconds == (7.0 if fault == "429" else None)


def test_fewer_texts_than_asked_for_are_told_from_all() -> None:
    with FakeApi(faults=["fewer", None]) as api:
        came = answered(api.base_url, chat("hello", n=3))
        assert (came.outcome, came.detail) == (Outcome.FEWER_CHOICES, "2 of 3 texts")
        assert answered(api.base_url, chat("hello", n=3)).outcome is Outcome.OK


def test_the_body_is_sent_as_it_is_and_the_reply_kept_byte_for_byte() -> None:
    sent = b'{ "choices":[{"message":{"content":"\\u00fc"}}],\n"odd": 1.50}'
    request = chat("Gr\u00fc\u00dfe \u4e16\u754c \U0001f600", stop=["\n"])
    with serving(http(sent)) as url:
        assert answered(url, request).body == sent
    with FakeApi() as api:
        answered(api.base_url, request)
        assert api.calls[0].body == request.body
        assert list(api.calls[0].body) == list(request.body)  # the order decides what is written
        assert api.calls[0].key == KEY


FATAL = [
    pytest.param("401", "refuses the key", id="key"),
    pytest.param("404", "has no model 'fake-model'", id="model"),
    pytest.param("quota", "no credit left", id="credit"),
]


@pytest.mark.parametrize(("fault", "words"), FATAL)
def test_a_fault_that_all_calls_share_is_raised(fault: str, words: str) -> None:
    with FakeApi(faults=[fault]) as api, pytest.raises(InputError, match=words) as raised:
        answered(api.base_url)
    assert KEY not in repr(raised.value)


STATUSES = [
    pytest.param("403 Forbidden", b"", None, id="403"),
    pytest.param("402 Payment Required", b"{}", None, id="402"),
    pytest.param("405 Method Not Allowed", b"", None, id="405"),
    pytest.param(
        "429 Too Many", b'{"error": {"type": "insufficient_quota", "code": null}}', None, id="type"
    ),
    pytest.param("429 Too Many", b"", Outcome.RATE_LIMITED, id="429 without a body"),
    pytest.param("429 Too Many", b'{"error": {"code": {}}}', Outcome.RATE_LIMITED, id="odd code"),
    pytest.param("429 Too Many", b'{"error": "slow"}', Outcome.RATE_LIMITED, id="error a text"),
    pytest.param(
        "400 Bad", b'{"error":{"message":"\\ud800"}}', Outcome.BAD_REQUEST, id="surrogate"
    ),
    pytest.param("400 Bad", b"\xff\x00\xfe", Outcome.BAD_REQUEST, id="no text"),
    pytest.param("400 Bad", b"[" * 9999, Outcome.BAD_REQUEST, id="deep"),
    pytest.param("413 Too Large", b"<html>", Outcome.BAD_REQUEST, id="413"),
    pytest.param("422 Unprocessable", b"{}", Outcome.BAD_REQUEST, id="422"),
    pytest.param("408 Timeout", b"", Outcome.TIMEOUT, id="408"),
    pytest.param("409 Conflict", b"", Outcome.TIMEOUT, id="409"),
    pytest.param("500 Error", b"", Outcome.SERVER_ERROR, id="500 without a body"),
    pytest.param("529 Overloaded", b"{}", Outcome.SERVER_ERROR, id="529"),
    pytest.param("200 OK", b"", Outcome.NOT_JSON, id="200 without a body"),
    pytest.param("204 No Content", b"", Outcome.NOT_JSON, id="204"),
]


@pytest.mark.parametrize(("status", "body", "outcome"), STATUSES)
def test_each_status_has_its_meaning(status: str, body: bytes, outcome: Outcome | None) -> None:
    with serving(http(body, status)) as url:
        if outcome is None:
            with pytest.raises(InputError):
                answered(url)
        else:
            came = answered(url)
            assert came.outcome is outcome
            came.detail.encode()  # SQLite stores text as UTF-8


BROKEN = [
    pytest.param([b"SSH-2.0-OpenSSH\r\n"], id="no HTTP"),
    pytest.param([b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{"], id="shorter than announced"),
    pytest.param([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz"], id="bad chunk"),
    pytest.param([http(b"no gzip", "200 OK", "content-encoding: gzip")], id="no gzip"),
    pytest.param([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000], id="endless header"),
    pytest.param([http(b"", "302 Found", "location: /v1/chat/completions")], id="a circle"),
]


@pytest.mark.parametrize("parts", BROKEN)
def test_what_is_no_whole_reply_is_a_lost_connection(parts: list[bytes]) -> None:
    with serving(*parts) as url:
        came = answered(url)
    assert (came.outcome, came.reached, came.body) == (Outcome.DISCONNECTED, True, b"")
    assert came.detail


def test_a_dripping_body_is_given_up_after_the_time_of_a_whole_call() -> None:
    whole = http(b'{"choices": [{"message": {"content": "' + b"x" * 500 + b'"}}]}')
    with serving(*(whole[k : k + 1] for k in range(len(whole))), pause_seconds=0.05) as url:
        started = time.monotonic()
        came = answered(url, timeout_seconds=0.6)
        assert time.monotonic() - started < 5.0
    assert (came.outcome, came.reached) == (Outcome.TIMEOUT, True)
    assert came.detail == "no reply within 0.6 s"


def test_a_refused_connection_never_reached_the_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    came = answered(f"http://127.0.0.1:{port}/v1")
    assert (came.outcome, came.reached) == (Outcome.DISCONNECTED, False)


def test_a_connection_that_nobody_accepts_never_reached_the_server() -> None:
    with contextlib.ExitStack() as open_sockets:
        listening = open_sockets.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(8):  # the queue of connections is full: the kernel drops the next one
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        came = answered(url, timeout_seconds=1.0)
    assert (came.outcome, came.reached) == (Outcome.DISCONNECTED, False)


REPEATING = ["401 Unauthorized", "400 Bad", "500 Error", "429 Too Many", "200 OK"]


@pytest.mark.parametrize("status", REPEATING)
@pytest.mark.parametrize("before", [0, 290, 63_990])
def test_a_server_that_repeats_the_key_does_not_spread_it(status: str, before: int) -> None:
    body = b'{"error": {"message": "%s%s"}}' % (b"x" * before, f"Bearer {KEY}".encode())
    with serving(http(body, status)) as url:
        try:
            shown = repr(answered(url))
        except InputError as error:
            shown = repr(error)
    assert KEY[:12] not in shown
    assert before or "(the key)" in shown


def headers(**given: str) -> httpx2.Response:
    return httpx2.Response(429, headers={name.replace("_", "-"): v for name, v in given.items()})


def test_a_wait_is_read_as_seconds_milliseconds_or_a_date() -> None:
    assert retry_after(headers(retry_after="2")) == 2.0
    assert retry_after(headers(retry_after=" 0.5 ")) == 0.5
    assert retry_after(headers(retry_after_ms="1500")) == 1.5
    assert retry_after(headers(retry_after_ms="100", retry_after="9")) == 0.1
    date = formatdate(time.time() + 30, usegmt=True)
    assert retry_after(headers(retry_after=date)) == pytest.approx(30.0, abs=5.0)
    assert retry_after(headers(retry_after=formatdate(time.time() - 30, usegmt=True))) == 0.0


ODD_WAITS = [
    "",
    "soon",
    "-1",
    "1.2.3",
    "1e3",
    "nan",
    "inf",
    "\u00b2",
    "Fri, 31 Dec 99999 23:59:59 GMT",
]
ODD_WAITS += ["Mon, 01 Jan 0000 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 -0000", "9" * 400]


@pytest.mark.parametrize("value", ODD_WAITS)
def test_an_odd_wait_is_none_or_a_number(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        wait = retry_after(httpx2.Response(429, headers=[(name.encode(), value.encode())]))
        assert wait is None or wait >= 0.0
