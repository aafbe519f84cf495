from typing import Any

import pytest

from tests.tasks.annotation.page.page_desk import Desk

LABEL: dict[str, Any] = {"item_id": "x", "choice": 1, "seconds": 1.0}
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"nul", 400),
        (b"[" * 30_000, 400),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b"1", 422),
        (b"1e999", 422),
        (b"9" * 5000, 400),
        (b'{"item_id": "x", "choice": 1, "seconds": NaN}', 422),
        (b'{"item_id": "x", "choice": 1, "seconds": Infinity}', 422),
        (b'{"item_id": "x", "choice": 1, "seconds": -1}', 422),
        (b'{"item_id": "x", "choice": 1, "seconds": 1, "note": "\\ud800"}', 422),
        (b'{"item_id": "\\ud800", "choice": 1, "seconds": 1}', 422),
        (b'{"item_id": "x\\u0000", "choice": 1, "seconds": 1}', 404),
        (b'{"item_id": "\' OR 1=1 --", "choice": 1, "seconds": 1}', 404),
        (b'{"item_id": "x", "choice": 1, "seconds": 1, "item_id": "y"}', 404),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_body_that_is_no_label_is_refused_in_a_sentence(
    desk: Desk, body: bytes, status: int
) -> None:
    reply = desk.client(desk.ann).post(f"{desk.api}/label", content=body, headers=JSON)
    assert reply.status_code == status
    assert set(reply.json()) == {"error"}
    assert reply.json()["error"].endswith(".")
    assert desk.queues.labels(desk.queue.queue_id) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("choice", wrong) for wrong in (0, -1, 10, 1.5, True, "1", "a", None, [1], {"a": 1})),
        *(("worst", wrong) for wrong in ("b", 0, 1.0, True)),
        *(("strength", wrong) for wrong in ("huge", 1)),
        *(("seconds", wrong) for wrong in (-0.001, "1", None, True, 1e308)),
        *(("note", wrong) for wrong in (None, 5, ["x"], "x" * 5001)),
        *(("item_id", wrong) for wrong in (None, 5, "", "x" * 1000)),
        ("queue_id", "another"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_the_field_that_is_wrong_is_named(desk: Desk, field: str, value: Any) -> None:
    reply = desk.client(desk.ann).post(f"{desk.api}/label", json=LABEL | {field: value})
    assert reply.status_code == 422
    assert reply.json()["error"].startswith(f"{field} cannot be used: ")


@pytest.mark.parametrize("missing", ["item_id", "choice", "seconds"])
def test_a_field_that_is_missing_is_named(desk: Desk, missing: str) -> None:
    said = {name: value for name, value in LABEL.items() if name != missing}
    reply = desk.client(desk.ann).post(f"{desk.api}/label", json=said)
    assert reply.status_code == 422
    assert reply.json()["error"].startswith(f"{missing} cannot be used: ")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/q/{queue}/label", 405),
        ("POST", "/api/q/{queue}/next", 405),
        ("PUT", "/api/q/{queue}/label", 405),
        ("PATCH", "/api/session", 405),
        ("POST", "/", 405),
        ("DELETE", "/q/{queue}", 405),
        ("OPTIONS", "/api/q/{queue}/label", 405),
        ("TRACE", "/", 405),
        ("POST", "/static/page.css", 405),
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/join/", 404),
        ("GET", "/q/" + "x" * 20_000, 404),
        ("GET", "/q/latest", 404),
        ("GET", "/q/demo", 404),
        ("GET", "/q/{prefix}", 404),
        ("GET", "/api/q/latest/next", 404),
        ("GET", "/api/q/%00/next", 404),
        ("GET", "/api/q/%FF%FE/next", 404),
        ("GET", "/api/q/%2e%2e%2f{queue}/next", 404),
        ("GET", "/api/q/..%2F{queue}/next", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/static/..%2fapp.py", 404),
        ("GET", "/static/%2e%2e%2f%2e%2e%2fparams.py", 404),
        ("GET", "/static//etc/passwd", 404),
        ("GET", "/static/%2fetc%2fpasswd", 404),
        ("GET", "/static/..%5capp.py", 404),
        ("GET", "/static/page.css%00", 404),
        ("GET", "/static/" + "x" * 5000, 404),
        ("GET", "/static/", 404),
        ("GET", "/static", 404),
        ("GET", "/templates/join.html.jinja", 404),
    ],
)
def test_an_odd_address_or_method_is_refused_in_a_sentence(
    desk: Desk, method: str, path: str, status: int
) -> None:
    queue_id = desk.queue.queue_id
    path = path.format(queue=queue_id, prefix=queue_id[:8])
    client = desk.client(desk.root)
    reply = client.request(method, path, content=b"{}", headers=JSON)
    assert reply.status_code == status
    assert reply.json()["error"].endswith(".")
    assert "access-control-allow-origin" not in reply.headers
    assert reply.headers["cache-control"] in {"no-store", "no-cache"}


def test_an_undo_with_nothing_to_take_back_shows_what_is_in_hand(desk: Desk) -> None:
    client = desk.client(desk.ann)
    shown = client.get(f"{desk.api}/next").json()["item"]
    back = client.post(f"{desk.api}/undo", json={}).json()["item"]
    assert back["item_id"] == shown["item_id"]
    assert client.post(f"{desk.api}/undo", json={"item_id": "x"}).status_code == 422


def test_an_adjudication_of_an_unknown_item_or_side_is_refused(desk: Desk) -> None:
    root = desk.client(desk.root)
    item = desk.queues.items(desk.queue.queue_id)[0]
    said = {"item_id": "unknown", "choice": "a", "worst": None, "note": ""}
    assert root.post(f"{desk.api}/adjudicate", json=said).status_code == 404
    said = {"item_id": item.item_id, "choice": "c", "worst": None, "note": ""}
    reply = root.post(f"{desk.api}/adjudicate", json=said)
    assert (reply.status_code, reply.json()["error"]) == (
        422,
        "choice is 'c'; the item has a, b.",
    )
