"""What the page answers when something cannot be done: a sentence for the person, JSON or a page."""

import logging
from collections.abc import Mapping
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from storage.input_error import InputError
from tasks.annotation.page.guess_limit import TooManyGuessesError
from tasks.annotation.page.label_request import WrongFieldError
from tasks.annotation.page.page_state import PageState
from tasks.annotation.page.sessions import COOKIE, SESSION_PATH
from tasks.annotation.queue.label_error import (
    LabelError,
    LeaseLostError,
    QueueClosedError,
    TooEarlyError,
    UnknownItemError,
)

_log = logging.getLogger(__name__)
_STATUS = {
    UnknownItemError: 404,
    LeaseLostError: 409,
    QueueClosedError: 409,
    TooEarlyError: 425,
    InputError: 409,
}
_TITLES = {
    401: "You are not signed in",
    403: "This is for admins",
    404: "There is nothing here",
    429: "Too many attempts",
}
_PHRASES = {
    "Not Found": "There is no such page.",
    "Method Not Allowed": "The page does not take such requests.",
    "There was an error parsing the body": "The request is not valid JSON.",
}
_NOT_JSON = "json_invalid"


class _Said(NamedTuple):
    status: int
    text: str
    headers: Mapping[str, str] | None = None


def answer_errors(app: FastAPI) -> None:
    """Let the app answer every error with a sentence, as JSON or, to who asked for one, as a page."""
    kinds = (HTTPException, RequestValidationError, WrongFieldError, LabelError, InputError)
    for kind in (*kinds, TooManyGuessesError, OSError, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    said = _said(error)
    page: PageState = request.app.state.page
    is_page = "text/html" in request.headers.get("accept", "")
    if is_page and not request.url.path.startswith("/api/"):
        template = page.templates.get_template("message.html.jinja")
        title = _TITLES.get(said.status, "That did not work")
        html = template.render(title=title, text=said.text)
        response: Response = HTMLResponse(html, said.status, said.headers)
    else:
        response = JSONResponse({"error": said.text}, said.status, said.headers)
    # A cookie that is not valid any more would be sent, and counted, for ever.
    if said.status == 401 and COOKIE in request.cookies and request.url.path != SESSION_PATH:  # noqa: PLR2004
        page.sessions.sign_out(response)
    return response


def _said(error: Exception) -> _Said:
    match error:
        case HTTPException():
            return _Said(error.status_code, _PHRASES.get(error.detail, error.detail), error.headers)
        case RequestValidationError():
            return _of_fields(error)
        case WrongFieldError():
            return _Said(422, str(error))
        case LabelError() | InputError():
            return _Said(_STATUS.get(type(error), 422), _sentence(str(error)))
        case TooManyGuessesError():
            seconds = error.retry_after_seconds
            text = f"Too many attempts to sign in were wrong. Try again in {seconds} seconds."
            return _Said(429, text, {"Retry-After": str(seconds)})
    return _fault(error)


def _fault(error: Exception) -> _Said:
    if isinstance(error, OSError):
        _log.error("the annotation page cannot work with its file: %s", error)
        return _Said(503, "The queue cannot be read or written now. Try again in a moment.")
    return _Said(500, "Something went wrong on the server. Try again in a moment.")


def _of_fields(error: RequestValidationError) -> _Said:
    """Return which field is wrong and how, without its value, which may be a token."""
    faults = error.errors()
    if faults[0]["type"] == _NOT_JSON:
        return _Said(400, "The request is not valid JSON.")
    _, *path = faults[0]["loc"]
    if not path:
        return _Said(422, "The request must be a JSON object.")
    field = path[0]
    wrong = [fault["msg"] for fault in faults if fault["loc"][1:2] == (field,)]
    return _Said(422, f"{str(field)[:60]} cannot be used: {' or '.join(wrong)}.")


def _sentence(text: str) -> str:
    ending = "" if text.endswith((".", "!", "?")) else "."
    return text[:1].upper() + text[1:] + ending
