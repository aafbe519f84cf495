"""Whether a request comes from the page itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.annotation.page.page_settings import PageSettings

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@\[\]]+))(?::\d{1,5})?")
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")
OWN_HEADER, OWN_HEADER_VALUE = "x-prefline", "1"
"""A header that no form and no script of another site can send without being asked about it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not answered, and the sentence that says why."""

    status: int
    error: str


def changes_something(method: str) -> bool:
    """Tell whether requests of this method may change what is stored."""
    return method in _CHANGING


def check_origin(
    method: str, path: str, headers: Mapping[str, str], settings: PageSettings
) -> Refusal | None:
    """Return why the request is refused by what its headers say about where it comes from.

    `headers` have their names in lower case.
    """
    host = headers.get("host", "")
    named = _HOST.fullmatch(host)
    if named is None or (named[1] or named[2]).lower() not in settings.hosts:
        return Refusal(
            400, "This page does not answer to that address; use the link you were given."
        )
    is_changing = changes_something(method)
    if not is_changing and not path.startswith("/api/"):
        return None
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return Refusal(403, "The request comes from another site.")
    allowed = ("same-origin",) if is_changing else ("same-origin", "none")
    if headers.get("sec-fetch-site", "same-origin") not in allowed:
        return Refusal(403, "The request comes from another site.")
    if is_changing and headers.get(OWN_HEADER) != OWN_HEADER_VALUE:
        return Refusal(
            403, "The request does not come from the page: it lacks the X-Prefline header."
        )
    return None


def check_body(method: str, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """Return why a body is refused: it is not declared as JSON, which other sites may not send."""
    if not changes_something(method) or (method == "DELETE" and not body):
        return None
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return Refusal(400, "The request is not JSON: its Content-Type must be application/json.")
    return None
