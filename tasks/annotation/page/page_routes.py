"""The pages themselves."""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from tasks.annotation.page.conflict_view import conflict_view
from tasks.annotation.page.page_state import Admin, Caller, Page, PageState, Wanted
from tasks.annotation.queue.queue_state import Annotator, QueueState

MOST_CONFLICTS = 50
"""How many conflicts one page shows, the least agreed; adjudicated ones make room for others."""
router = APIRouter(default_response_class=HTMLResponse)
queue_router = APIRouter(prefix="/q/{queue_id}", default_response_class=HTMLResponse)


@router.get("/")
def start(page: Page, _caller: Caller) -> Response:
    """Return the way to the one open queue, or to the list of all queues."""
    open_queues = [queue for queue in page.queues.queues() if queue.is_open]
    only = f"/q/{open_queues[0].queue_id}" if len(open_queues) == 1 else "/queues"
    return RedirectResponse(only, status_code=303)


@router.get("/queues")
def queues(request: Request, page: Page, caller: Caller) -> Response:
    """Return the list of all queues."""
    shown = [_blinded(queue, caller) for queue in page.queues.queues()]
    return _html(request, page, "queues", caller, queues=shown)


@router.get("/join")
def join(page: Page) -> Response:
    """Return the page that signs in with the token after the # of its address."""
    return HTMLResponse(page.templates.get_template("join.html.jinja").render())


@queue_router.get("")
def annotate(request: Request, page: Page, caller: Caller, queue: Wanted) -> Response:
    """Return the page on which people compare."""
    return _html(request, page, "annotate", caller, queue=_blinded(queue, caller))


@queue_router.get("/admin")
def figures(request: Request, page: Page, admin: Admin, queue: Wanted) -> Response:
    """Return the page that shows progress, agreement and conflicts."""
    counted = page.figures.figures(queue.queue_id)
    shown = counted.conflicts[:MOST_CONFLICTS]
    conflicts = [
        conflict_view(conflict, page.queues.item(queue.queue_id, conflict.item_id))
        for conflict in shown
    ]
    context = {"figures": counted, "conflicts": conflicts}
    return _html(request, page, "admin", admin, queue=queue, **context)


def _html(
    request: Request, page: PageState, name: str, caller: Annotator, **context: object
) -> Response:
    template = page.templates.get_template(f"{name}.html.jinja")
    known = {
        "annotator": caller,
        "is_admin": caller.role == "admin",
        "has_session": not page.sessions.is_local(request),
    }
    return HTMLResponse(template.render(known, **context))


def _blinded(queue: QueueState, caller: Annotator) -> QueueState:
    """Return the queue without where its comparisons come from, which would say whose answers."""
    return queue if caller.role == "admin" else replace(queue, origin="")
