"""Who sends a request: by cookie, by bearer token, or as the person at this machine."""

from dataclasses import replace
from functools import cached_property

from fastapi import HTTPException, Request, Response

from tasks.annotation.page.guess_limit import GuessLimit
from tasks.annotation.page.page_settings import LOOPBACK_HOSTS, PageSettings, is_loopback
from tasks.annotation.queue.queue_state import Annotator
from tasks.annotation.queue.queues import Queues

COOKIE = "prefline_session"
SESSION_PATH = "/api/session"
_COOKIE_SECONDS = 30 * 24 * 3600
_OF_A_PROXY = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class Sessions:
    """Tells annotators by their tokens; a token is kept nowhere but in the cookie."""

    def __init__(self, queues: Queues, settings: PageSettings) -> None:
        self._queues = queues
        self._settings = settings
        self._limit = GuessLimit(queues.who)

    def annotator(self, request: Request) -> Annotator:
        """Return who sends the request.

        Raises:
            HTTPException: 401, nobody that the page knows.
            TooManyGuessesError: too many wrong tokens came before.
        """
        token = _token(request)
        if self.is_local(request):
            known = self._queues.who(token) if token else None
            return known or self._local
        if not token:
            raise HTTPException(401, "You are not signed in. Open the link that you were given.")
        return self.with_token(token, request)

    def with_token(self, token: str, request: Request) -> Annotator:
        """Return whose token it is.

        Raises:
            HTTPException: 401, nobody's.
            TooManyGuessesError: too many wrong tokens came before.
        """
        client = request.client.host if request.client is not None else ""
        annotator = self._limit.who(token, client)
        if annotator is None:
            raise HTTPException(
                401, "This link is not valid, or a newer one has replaced it. Ask for another one."
            )
        return annotator

    def is_local(self, request: Request) -> bool:
        """Tell whether the request comes from this machine, whose user needs no token."""
        if self._settings.local_annotator is None or request.client is None:
            return False
        # What a proxy on this machine passes on comes from loopback, too.
        is_direct = not any(name in request.headers for name in _OF_A_PROXY)
        is_from_here = is_loopback(request.client.host)
        return is_direct and is_from_here and request.url.hostname in LOOPBACK_HOSTS

    def sign_in(self, response: Response, token: str) -> None:
        """Give the browser the token in a cookie that only this page gets, and no script."""
        response.set_cookie(
            COOKIE,
            token,
            max_age=_COOKIE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=self._settings.secure_cookie,
        )

    def sign_out(self, response: Response) -> None:
        """Take the cookie back."""
        secure = self._settings.secure_cookie
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure)

    @cached_property
    def _local(self) -> Annotator:
        name = self._settings.local_annotator or ""
        return replace(self._queues.annotator(name, "admin"), role="admin")


def _token(request: Request) -> str:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip()
    return request.cookies.get(COOKIE, "")
