"""What only admins may do: settle conflicts, close a queue and open it again."""

from datetime import UTC, datetime

from fastapi import APIRouter

from tasks.annotation.page.label_request import AdjudicationRequest, EmptyRequest, adjudication
from tasks.annotation.page.page_state import Admin, Page, Wanted

router = APIRouter(prefix="/api/q/{queue_id}")
Saved = dict[str, bool]


@router.post("/adjudicate")
def adjudicate(said: AdjudicationRequest, page: Page, admin: Admin, queue: Wanted) -> Saved:
    """Keep a label that settles what others disagree on."""
    item = page.queues.item(queue.queue_id, said.item_id)
    label = adjudication(said, item.sides)
    page.queues.adjudicate(queue.queue_id, admin.annotator_id, label, datetime.now(UTC))
    page.figures.forget(queue.queue_id)
    return {"saved": True}


@router.post("/close")
def close(said: EmptyRequest, page: Page, admin: Admin, queue: Wanted) -> Saved:  # noqa: ARG001 - both are checked
    """Let the queue take no labels any more."""
    page.queues.close(queue.queue_id)
    return {"saved": True}


@router.post("/reopen")
def reopen(said: EmptyRequest, page: Page, admin: Admin, queue: Wanted) -> Saved:  # noqa: ARG001 - both are checked
    """Let a closed queue take labels again."""
    page.queues.reopen(queue.queue_id)
    return {"saved": True}
