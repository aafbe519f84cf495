import pytest

from tasks.annotation.page.page_settings import PageSettings
from tasks.annotation.page.request_check import check_body, check_origin

OWN = {"host": "localhost:8000", "x-prefline": "1"}
SETTINGS = PageSettings(hosts=("localhost", "::1", "labels.example"))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:8000"},
        {"origin": "HTTPS://LocalHost:8000"},
        {"sec-fetch-site": "same-origin"},
        {"host": "labels.example", "origin": "https://labels.example"},
        {"host": "LABELS.example:65535"},
        {"host": "[::1]:8000", "origin": "http://[::1]:8000"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_requests_of_the_page_itself_are_taken(method: str, headers: dict[str, str]) -> None:
    assert check_origin(method, "/api/session", OWN | headers, SETTINGS) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://localhost"},
        {"origin": "http://localhost:8001"},
        {"origin": "http://localhost:8000.evil.example"},
        {"origin": "http://evil.example/localhost:8000"},
        {"origin": "localhost:8000"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"x-prefline": ""},
        {"x-prefline": "0"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
def test_what_changes_something_must_come_from_the_page(
    method: str, headers: dict[str, str]
) -> None:
    for path in ("/api/session", "/", "/static/page.css"):
        refusal = check_origin(method, path, OWN | headers, SETTINGS)
        assert refusal is not None
        assert refusal.status == 403


def test_other_sites_may_link_to_a_page_but_not_ask_the_api() -> None:
    foreign = {"host": "localhost:8000", "sec-fetch-site": "cross-site"}
    assert check_origin("GET", "/q/x", foreign, SETTINGS) is None
    refusal = check_origin("GET", "/api/q/x/next", foreign, SETTINGS)
    assert refusal is not None
    assert refusal.status == 403
    typed = {"host": "localhost:8000", "sec-fetch-site": "none"}
    assert check_origin("GET", "/api/q/x/next", typed, SETTINGS) is None


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "localhost.", "localhost.evil.example", "evil.example:8000"),
        *("localhost:8000@evil.example", "user@localhost", "localhost:", "localhost:x", "::1"),
        *("[::1", "localhost/x", "localhost,evil.example", "localhost evil.example", "[::2]:8000"),
        *("localhost:123456", "\u2113ocalhost", "localhost\t"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_names_of_the_machine_are_not_answered(method: str, host: str) -> None:
    refusal = check_origin(method, "/", OWN | {"host": host}, SETTINGS)
    assert refusal is not None
    assert refusal.status == 400


@pytest.mark.parametrize(
    ("method", "media_type", "body", "is_taken"),
    [
        ("POST", "application/json", b"{}", True),
        ("POST", "Application/JSON; charset=utf-8", b"{}", True),
        ("POST", "text/plain", b"{}", False),
        ("POST", "application/x-www-form-urlencoded", b"a=b", False),
        ("POST", "multipart/form-data; boundary=application/json", b"", False),
        ("POST", "application/jsonp", b"{}", False),
        ("POST", "", b"", False),
        ("DELETE", "", b"", True),
        ("DELETE", "application/json", b"{}", True),
        ("DELETE", "text/plain", b"{}", False),
        ("GET", "text/plain", b"x", True),
    ],
)
def test_only_json_is_taken(method: str, media_type: str, body: bytes, is_taken: bool) -> None:
    refusal = check_body(method, {"content-type": media_type}, body)
    assert (refusal is None) is is_taken
    assert is_taken or refusal.status == 400  # type: ignore[union-attr]
