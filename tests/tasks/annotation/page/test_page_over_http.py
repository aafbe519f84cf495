import logging
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from typing import Any

import httpx2
import pytest

from tasks.annotation.page.page_settings import PageSettings
from tasks.annotation.page.sessions import COOKIE
from tasks.annotation.params import QueueParams
from tests.fakes.annotation_page import AnnotationPage, comparison, comparisons
from tests.tasks.annotation.page.page_desk import Desk

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


@pytest.fixture
def page(desk: Desk) -> Iterator[AnnotationPage]:
    with AnnotationPage(desk.queues) as served:
        yield served


def sign_in(client: httpx2.Client, token: str) -> httpx2.Response:
    return client.post("/api/session", json={"token": token})


def status_of(page: AnnotationPage, request: bytes) -> int:
    """The status that the server gives to bytes as they are, which no client would send."""
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as connection:
        connection.sendall(request)
        return int(connection.makefile("rb").readline().split()[1])


def test_a_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(
    desk: Desk, page: AnnotationPage
) -> None:
    client = page.client()
    assert client.get(f"{desk.api}/next").status_code == 401
    reply = sign_in(client, f" {desk.ann}\n")
    assert (reply.status_code, reply.content) == (204, b"")
    cookie = SimpleCookie(reply.headers["set-cookie"])[COOKIE]
    assert cookie.value == desk.ann
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "strict", "/")
    assert (cookie["max-age"], cookie["secure"], cookie["domain"]) == ("2592000", "", "")
    assert client.get(f"{desk.api}/next").status_code == 200


def test_the_cookie_is_kept_off_plain_http_where_that_is_asked_for(desk: Desk) -> None:
    with AnnotationPage(desk.queues, PageSettings(secure_cookie=True)) as page:
        assert "; Secure" in sign_in(page.client(), desk.ann).headers["set-cookie"]


def test_signing_out_takes_the_cookie_back(desk: Desk, page: AnnotationPage) -> None:
    client = page.client()
    sign_in(client, desk.ann)
    assert client.delete("/api/session").status_code == 204
    assert client.get(f"{desk.api}/next").status_code == 401
    sign_in(client, desk.ann)
    assert client.request("DELETE", "/api/session", json={}).status_code == 204
    assert COOKIE not in client.cookies


def test_a_new_link_ends_the_sessions_of_the_old_one(desk: Desk, page: AnnotationPage) -> None:
    client = page.client(desk.ann)
    assert client.get(f"{desk.api}/next").status_code == 200
    token = desk.queues.invite("ann", "annotator").token
    refused = client.get(f"{desk.api}/next")
    assert refused.status_code == 401
    assert f'{COOKIE}=""' in refused.headers["set-cookie"]  # it is not sent for ever
    assert page.client(token).get(f"{desk.api}/next").status_code == 200


def test_a_program_may_send_its_token_as_a_bearer(desk: Desk, page: AnnotationPage) -> None:
    headers = {"Authorization": f"Bearer {desk.ann}"}
    assert page.client().get(f"{desk.api}/next", headers=headers).status_code == 200


def guess_by_body(client: httpx2.Client, token: str) -> httpx2.Response:
    return sign_in(client, token)


def guess_by_cookie(client: httpx2.Client, token: str) -> httpx2.Response:
    return client.get("/api/q/x/next", headers={"Cookie": f"{COOKIE}={token}"})


def guess_by_bearer(client: httpx2.Client, token: str) -> httpx2.Response:
    return client.get("/", headers={"Authorization": f"bearer {token}"})


@pytest.mark.parametrize("guess", [guess_by_body, guess_by_cookie, guess_by_bearer])
def test_the_sixth_wrong_token_is_not_looked_at_whichever_way_it_comes(
    desk: Desk, page: AnnotationPage, guess: Any
) -> None:
    colleague = page.client(desk.bob)
    assert colleague.get(f"{desk.api}/next").status_code == 200
    client = page.client()
    statuses = [guess(client, f"wrong-{number}").status_code for number in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    for other in (guess_by_body, guess_by_cookie, guess_by_bearer):
        reply = other(client, desk.ann)  # the right one
        assert reply.status_code == 429
        assert 0 < int(reply.headers["retry-after"]) <= 61
    assert colleague.get(f"{desk.api}/next").status_code == 200


def test_a_claimed_address_does_not_get_more_guesses(desk: Desk, page: AnnotationPage) -> None:
    client = page.client()
    for number in range(6):
        address = {"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.0.{number}"}
        body = {"token": f"wrong-{number}"}
        reply = client.post("/api/session", json=body, headers=address)
    assert reply.status_code == 429


LOGGERS = ("uvicorn", "asyncio", "fastapi", "starlette", "h11", "anyio", "concurrent", "tasks")


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Everything that the server and its libraries log at any level, as it would be written."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith(LOGGERS)]
    levels = {name: logging.getLogger(name).level for name in names}
    form = logging.Formatter("%(name)s %(levelname)s %(message)s")
    with caplog.at_level(logging.DEBUG):
        for name in names:
            logging.getLogger(name).setLevel(logging.DEBUG)
        # The client in this process writes its own requests down, which are none of the page's.
        yield lambda: "\n".join(
            form.format(record) for record in caplog.records if record.name.startswith(LOGGERS)
        )
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_tokens_are_in_no_log(
    desk: Desk,
    page: AnnotationPage,
    logged: Callable[[], str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    wrong = "a-wrong-token-that-somebody-typed"
    client = page.client()
    assert sign_in(client, wrong).status_code == 401
    assert sign_in(client, desk.ann).status_code == 204
    for guess in (guess_by_cookie, guess_by_bearer):
        guess(client, wrong)
        guess(client, desk.ann)
    for body in ({"token": [desk.ann]}, {"token": desk.ann, "name": desk.ann}, [desk.ann]):
        assert desk.ann not in client.post("/api/session", json=body).text
    status_of(page, b"GET / HTTP/1.1\r\nAuthorization: Bearer " + desk.ann.encode() + b"\r\n\r\n")
    status_of(page, b"GET /" + desk.ann.encode() + b" nonsense\r\n\r\n")
    desk.queues.path.unlink()  # a fault, which is logged
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: page.client(desk.ann).get(f"{desk.api}/next"), range(40)))
    printed = capfd.readouterr()
    assert "cannot work with its file" in logged()
    assert "Invalid HTTP request" in logged()
    for token in (wrong, desk.ann):
        assert token not in logged() + printed.out + printed.err


@pytest.mark.parametrize(
    ("path", "cache"),
    [
        ("/", "no-store"),
        ("/join", "no-store"),
        ("/static/page.css", "no-cache"),
        ("/static/unknown.css", "no-cache"),
        ("/api/session", "no-store"),
        ("/unknown", "no-store"),
    ],
)
def test_every_reply_tells_the_browser_to_trust_nobody_else(
    page: AnnotationPage, path: str, cache: str
) -> None:
    for headers in ({}, {"Host": "evil.example"}, {"Accept": "text/html"}):
        reply = page.client().get(path, headers=headers)
        assert reply.headers["content-security-policy"] == POLICY
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cross-origin-opener-policy"] == "same-origin"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        assert reply.headers["cache-control"] == cache
        assert "server" not in reply.headers
        assert not any(name.startswith("access-control") for name in reply.headers)


def test_files_of_the_page_are_asked_for_again_and_not_sent_again(page: AnnotationPage) -> None:
    client = page.client()
    first = client.get("/static/page.css")
    assert first.headers["content-type"].startswith("text/css")
    again = client.get("/static/page.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    scripts = client.get("/static/annotate.js")
    assert "javascript" in scripts.headers["content-type"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Prefline": ""},
    ],
    ids=repr,
)
def test_another_site_cannot_label_in_somebodys_name(
    desk: Desk, page: AnnotationPage, headers: dict[str, str]
) -> None:
    client = page.client(desk.ann)
    item = client.get(f"{desk.api}/next").json()["item"]
    said = {"item_id": item["item_id"], "choice": 1, "seconds": 1.0}
    reply = client.post(f"{desk.api}/label", json=said, headers=headers)
    assert reply.status_code == 403
    assert desk.queues.labels(desk.queue.queue_id) == []
    own = {"Origin": page.url, "Sec-Fetch-Site": "same-origin"}
    assert client.post(f"{desk.api}/label", json=said, headers=own).status_code == 200


def test_a_form_of_another_site_cannot_be_sent(desk: Desk, page: AnnotationPage) -> None:
    client = page.client(desk.ann)
    for sent in ({"data": {"item_id": "x"}}, {"content": b"{}", "headers": {"Content-Type": ""}}):
        reply = client.post(f"{desk.api}/undo", **sent)
        assert reply.status_code == 400
        assert "Content-Type" in reply.json()["error"]


def test_a_name_that_means_this_machine_only_now_is_not_answered(
    desk: Desk, page: AnnotationPage
) -> None:
    for path in ("/", "/static/page.css", f"{desk.api}/next"):
        reply = page.client(desk.ann).get(path, headers={"Host": f"evil.example:{page.port}"})
        assert reply.status_code == 400
    reply = page.client(desk.ann).get("/join", headers={"Host": f"LOCALHOST:{page.port}"})
    assert reply.status_code == 200


def chunks(count: int) -> Iterator[bytes]:
    yield b'{"note": "'
    for _ in range(count):
        yield b"x" * 1024
    yield b'"}'


@pytest.mark.parametrize("count", [64, 10_000], ids=["64 kB", "10 MB"])
def test_a_body_that_is_too_large_is_not_read_to_its_end(
    desk: Desk, page: AnnotationPage, count: int
) -> None:
    client = page.client(desk.ann)
    json = {"Content-Type": "application/json"}
    body = b"".join(chunks(count))
    for content in (body, chunks(count)):  # with a length, and in chunks without one
        reply = client.post(f"{desk.api}/undo", content=content, headers=json)
        assert reply.status_code == 413
        assert "shorten the note" in reply.json()["error"]
    just_fits = b'{"token": "' + b"x" * (65_536 - 13) + b'"}'
    assert client.post("/api/session", content=just_fits, headers=json).status_code == 422


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        (b"GET //evil.example/ HTTP/1.1", b"Host: localhost\r\n", 404),
        (b"GET /static/../app.py HTTP/1.1", b"Host: localhost\r\n", 404),
        (b"GET /static/../../../../../../etc/passwd HTTP/1.1", b"Host: localhost\r\n", 404),
        (b"GET http://localhost/join HTTP/1.1", b"Host: evil.example\r\n", 400),
        (b"GET /join HTTP/1.1", b"", 400),
        (b"GET /join HTTP/1.0", b"", 400),
        (b"GET /join HTTP/1.1", b"Host: localhost\r\nHost: evil.example\r\n", 400),
        (b"nonsense", b"", 400),
        (
            b"POST /api/session HTTP/1.1",
            (
                b"Host: localhost\r\nX-Prefline: 1\r\nContent-Type: application/json\r\n"
                b"Content-Length: 99999999999999999999\r\n"
            ),
            413,
        ),
        (
            b"POST /api/session HTTP/1.1",
            b"Host: localhost\r\nX-Prefline: 1\r\nContent-Length: -1\r\n",
            400,
        ),
    ],
    ids=[
        *("two-slashes", "dots", "many-dots", "whole-address", "no-host", "old-http", "two-hosts"),
        *("nonsense", "claimed-length", "negative-length"),
    ],
)
def test_bytes_that_no_browser_sends_are_refused(
    page: AnnotationPage, request_line: bytes, headers: bytes, status: int
) -> None:
    assert status_of(page, request_line + b"\r\n" + headers + b"\r\n") == status


def test_a_megabyte_of_answer_reaches_the_screen_whole(desk: Desk, page: AnnotationPage) -> None:
    text = "<b>" * 333_333
    items = [comparison(7, text, "short")]
    queue = desk.queues.publish("long", items, QueueParams(), origin="x")
    item = page.client(desk.ann).get(f"/api/q/{queue.queue_id}/next").json()["item"]
    longest = max((response["html"] for response in item["responses"]), key=len)
    assert longest == f'<pre class="plain">\n{"&lt;b&gt;" * 333_333}</pre>'


def test_a_page_of_many_people_gives_each_label_once(desk: Desk, page: AnnotationPage) -> None:
    queue = desk.queues.publish("many", comparisons(30), QueueParams(overlap=2), origin="x")
    api = f"/api/q/{queue.queue_id}"

    def label_all(token: str) -> None:
        client = page.client(token)
        screen = client.get(f"{api}/next").json()
        while screen["item"] is not None:
            said = {"item_id": screen["item"]["item_id"], "choice": 2, "seconds": 0.0}
            reply = client.post(f"{api}/label", json=said)
            assert reply.status_code == 200, reply.text
            screen = reply.json()["screen"]

    tokens = [desk.queues.invite(f"person {number}", "annotator").token for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(label_all, tokens))
    labels = desk.queues.labels(queue.queue_id)
    assert len({(label.comparison_id, label.annotator) for label in labels}) == 60 == len(labels)
    assert all(label.choice == label.shown_order[1] for label in labels)
