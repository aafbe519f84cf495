"""Signing in with a token, and out."""

from fastapi import APIRouter, Request, Response

from tasks.annotation.page.label_request import SessionRequest
from tasks.annotation.page.page_state import Page
from tasks.annotation.page.sessions import SESSION_PATH

router = APIRouter(prefix=SESSION_PATH)


@router.post("", status_code=204)
def sign_in(said: SessionRequest, request: Request, page: Page) -> Response:
    """Take a token for a cookie."""
    token = said.token.strip()
    page.sessions.with_token(token, request)
    response = Response(status_code=204)
    page.sessions.sign_in(response, token)
    return response


@router.delete("", status_code=204)
def sign_out(page: Page) -> Response:
    """Take the cookie back."""
    response = Response(status_code=204)
    page.sessions.sign_out(response)
    return response
