"""What the page of an annotator asks for: the next comparison, and to take a label or give it back."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from tasks.annotation.page.label_request import (
    EmptyRequest,
    LabelRequest,
    label_on_screen,
)
from tasks.annotation.page.page_state import Caller, Page, PageState, Wanted
from tasks.annotation.page.screen import Json, screen
from tasks.annotation.queue.assignment import Assignment, NothingLeft
from tasks.annotation.queue.queue_state import Annotator, QueueState

router = APIRouter(prefix="/api/q/{queue_id}")


@router.get("/next")
def next_screen(page: Page, caller: Caller, queue: Wanted) -> Response:
    """Return what the caller has in hand, or the next comparison."""
    return JSONResponse(_next(page, caller, queue))


@router.post("/label")
def give(said: LabelRequest, page: Page, caller: Caller, queue: Wanted) -> Response:
    """Keep a label, and return the next comparison; the reply says that it is on disk."""
    order = page.queues.shown_order(queue.queue_id, caller.annotator_id, said.item_id)
    label = label_on_screen(said, order)
    page.queues.give(queue.queue_id, caller.annotator_id, label, datetime.now(UTC))
    return JSONResponse({"saved": True, "screen": _next(page, caller, queue)})


@router.post("/undo")
def undo(said: EmptyRequest, page: Page, caller: Caller, queue: Wanted) -> Response:  # noqa: ARG001 - checked to be empty
    """Take the caller's last label back, and return its comparison."""
    shown = page.queues.undo(queue.queue_id, caller.annotator_id, datetime.now(UTC))
    return JSONResponse(_screen(page, caller, queue, shown))


def _next(page: PageState, caller: Annotator, queue: QueueState) -> Json:
    shown = page.queues.next_item(queue.queue_id, caller.annotator_id, datetime.now(UTC))
    return _screen(page, caller, queue, shown)


def _screen(
    page: PageState, caller: Annotator, queue: QueueState, shown: Assignment | NothingLeft
) -> Json:
    return screen(queue, shown, page.queues.progress(queue.queue_id, caller.annotator_id))
