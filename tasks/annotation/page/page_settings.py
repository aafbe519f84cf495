"""Who may use the page, and from where."""

from dataclasses import dataclass
from ipaddress import ip_address

from storage.input_error import InputError

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
"""Names of this machine that nobody else can reach it by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """What the page is told about its surroundings.

    `local_annotator` labels without a token, from this machine only, and sees the admin page; null
    where everybody needs a link. `hosts` are the names in addresses that the page answers to,
    without a port and IPv6 without brackets: a page of somebody else whose name suddenly means this
    machine (DNS rebinding) is none of them. `secure_cookie` keeps the cookie off plain HTTP.
    """

    local_annotator: str | None = None
    hosts: tuple[str, ...] = LOOPBACK_HOSTS
    secure_cookie: bool = False


def is_loopback(host: str) -> bool:
    """Tell whether `host` is an address of this machine that no other machine can reach."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_binding(host: str, *, has_tokens: bool) -> None:
    """Refuse to serve other machines as long as nobody needs a token.

    Raises:
        InputError: `host` is not an address of this machine alone, and there are no tokens.
    """
    if has_tokens or is_loopback(host):
        return
    raise InputError(
        f"{host!r} can be reached from other machines, and without tokens everybody there could "
        "label and read the comparisons; invite each annotator, which gives them a link with a "
        "token, or serve 127.0.0.1"
    )
