"""What every route of the page works with, and what it asks of a request."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from jinja2 import Environment

from storage.input_error import InputError
from tasks.annotation.page.figures_cache import FiguresCache
from tasks.annotation.page.sessions import Sessions
from tasks.annotation.queue.queue_state import Annotator, QueueState
from tasks.annotation.queue.queues import Queues


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """Everything that lives as long as the page; what must outlive it is in `queues`."""

    queues: Queues
    sessions: Sessions
    figures: FiguresCache
    templates: Environment


async def page_state(request: Request) -> PageState:
    """Return the state of the page that got the request."""
    state: PageState = request.app.state.page
    return state


Page = Annotated[PageState, Depends(page_state)]


def caller(request: Request, page: Page) -> Annotator:
    """Return who sends the request; see `Sessions.annotator` for what it raises."""
    return page.sessions.annotator(request)


Caller = Annotated[Annotator, Depends(caller)]


def admin(caller: Caller) -> Annotator:
    """Return who sends the request.

    Raises:
        HTTPException: 403, they are no admin.
    """
    if caller.role != "admin":
        raise HTTPException(403, "Only admins may see this. Ask one for an admin's link.")
    return caller


Admin = Annotated[Annotator, Depends(admin)]


def wanted_queue(queue_id: str, page: Page, _caller: Caller) -> QueueState:
    """Return the queue of the address.

    Raises:
        HTTPException: 404, there is none of exactly this id.
    """
    try:
        queue = page.queues.queue(queue_id)
    except InputError:  # its message lists the queues, for the command line
        queue = None
    if queue is None or queue.queue_id != queue_id:
        raise HTTPException(404, "There is no such queue.")
    return queue


Wanted = Annotated[QueueState, Depends(wanted_queue)]
