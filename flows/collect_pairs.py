"""Let people compare answers, and make pairs of what they say."""

from typing import Any

from prefect import flow
from prefect.artifacts import create_link_artifact
from prefect.client.schemas.objects import State
from prefect.input import create_flow_run_input, read_flow_run_input
from prefect.runtime import deployment
from prefect.states import Completed

from flows.label_wait import LabelWait, wait_for_people, wait_here
from storage.input_error import InputError
from tasks.annotation.params import CollectParams, ComparisonsParams, QueueParams
from tasks.annotation.task import collect_task, preview, publish_task, queues_of
from tasks.stage_run import StageResult

PAGE = "http://127.0.0.1:8400"
_QUEUE = "queue"


@flow(name="collect-pairs", flow_run_name="pairs of people for {comparisons.source}")
def collect_pairs(
    comparisons: ComparisonsParams = ComparisonsParams(),
    queue: QueueParams = QueueParams(),
    collect: CollectParams = CollectParams(),
    page: str = PAGE,
    root: str = "data",
    rerun: bool = False,
) -> StageResult | State[Any]:
    """Publish comparisons on the annotation page, wait for labels, and make pairs of them.

    A run of a deployment is suspended while it waits: it shows the link to the page, and a form to
    approve the pairs, to wait longer or to reject them. A run in a terminal waits in its process.

    Args:
        comparisons: What people compare.
        queue: How comparisons are handed out.
        collect: How long to wait, and how labels become pairs.
        page: Where the annotation page is: `prefline serve` and `prefline annotate` serve it.
        root: Directory or object-store URL of all artifacts.
        rerun: Make the pairs again even if the same labels were collected before.
    """
    queue_id = _published(comparisons, queue, root)
    waiting = LabelWait(
        queues=queues_of(root),
        queue_id=queue_id,
        collect=collect,
        page=page,
        preview=lambda: preview(root, queue_id, collect),
    )
    wanted = waiting.state.num_wanted
    if collect.min_labels > wanted:
        raise InputError(
            f"collect.min_labels is {collect.min_labels:,}, but the queue takes only {wanted:,} labels "
            "(comparisons times overlap); lower it, or raise queue.overlap"
        )
    create_link_artifact(waiting.link, link_text="The page on which people label", key="annotation")
    ruling = wait_for_people(waiting) if deployment.get_id() else wait_here(waiting)
    if not ruling.is_approved:
        kept = collect_task(queue_id, collect, root, rejected=ruling.reason, rerun=rerun)
        return Completed(name="Rejected", message=f"rejected: {ruling.reason}", data=kept)
    return collect_task(queue_id, collect, root, rerun=rerun)


def _published(comparisons: ComparisonsParams, queue: QueueParams, root: str) -> str:
    """Return the queue of this run; resumed, it keeps the one that it had before.

    `latest` may mean another artifact by then.
    """
    if not deployment.get_id():
        return publish_task(root, comparisons, queue)
    known = read_flow_run_input(_QUEUE)
    if known is None:
        known = publish_task(root, comparisons, queue)
        create_flow_run_input(_QUEUE, known)
    return str(known)
