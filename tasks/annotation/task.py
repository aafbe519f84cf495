"""Publishing comparisons for people and collecting their labels: the store's and Prefect's side."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from prefect import get_run_logger, task
from prefect.runtime import flow_run

from storage.input_error import InputError
from storage.manifest import Artifact
from storage.store import Store, open_store
from storage.tables.comparisons import COMPARISONS
from storage.tables.completions import COMPLETIONS
from storage.tables.dispreferred import DISPREFERRED
from storage.tables.labels import LABELS, HumanLabel
from storage.tables.outcomes import OUTCOMES
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from storage.tables.quarantine import QUARANTINE, Refusal
from storage.tables.verdicts import VERDICTS
from storage.work import Work
from storage.writer import StageWriter
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.comparison_row import comparison_row
from tasks.annotation.formats.read_comparisons import read_comparisons
from tasks.annotation.human_pairs import human_pairs
from tasks.annotation.items.compare_completions import compare_completions
from tasks.annotation.items.compare_pairs import compare_pairs
from tasks.annotation.items.compare_verdicts import compare_verdicts
from tasks.annotation.items.draw_items import draw_items
from tasks.annotation.items.name_queue import name_queue
from tasks.annotation.items.neutral_sides import neutral_sides
from tasks.annotation.pairs_preview import pairs_preview
from tasks.annotation.params import CollectParams, ComparisonsParams, QueueParams
from tasks.annotation.queue.queue_state import QueueState
from tasks.annotation.queue.queues import Queues, open_queues
from tasks.stage_run import StageResult, run_stage

STAGE = "collect-pairs"
VERSION = 1
TABLES = (COMPARISONS, LABELS, PAIRS, DISPREFERRED, OUTCOMES)
"""What is written; of a pair set that was rejected the first two."""
QUEUE = "queue"
"""Manifest entry: the queue whose labels an artifact holds."""


@dataclass(frozen=True, slots=True)
class Published:
    """A queue that people can label, and how many rows of its file are in `quarantine`."""

    queue: QueueState
    num_refused: int = 0


def queues_of(root: str) -> Queues:
    """Return the queues that belong to the store at `root`."""
    return open_queues(open_store(root).annotation_path)


def publish(root: str, comparisons: ComparisonsParams, queue: QueueParams) -> Published:
    """Return the queue of these comparisons, which people can label from now on.

    The same comparisons under the same parameters are the same queue, with the labels that it has.
    Rows of a file that cannot be used land in `quarantine`.

    Raises:
        InputError: the reference or the file is not there, or holds no comparison.
    """
    store = open_store(root)
    queues = open_queues(store.annotation_path)
    if comparisons.source == "queue":
        return Published(queues.queue(comparisons.reference))
    file = Path(comparisons.file) if comparisons.file else None
    read = read_comparisons(file) if file else None
    if read is not None:
        _keep_refusals(store, Path(comparisons.file), read.refusals)
    if comparisons.source == "file":
        artifact, found = None, list(read.items) if read else []
    else:
        artifact = store.resolve(comparisons.source, comparisons.reference)
        found = _stored_items(store, artifact, comparisons)
        found += [item for item in (read.items if read else ()) if item.gold is not None]
    origin = f"{artifact.table} {artifact.artifact_id}" if artifact else str(file)
    labelled = {label.comparison_id for label in (read.labels if read else ())}
    neutral = [item if item.item_id in labelled else neutral_sides(item) for item in found]
    items = draw_items(neutral, comparisons, what=origin)
    named = comparisons.name or name_queue(comparisons, origin)
    state = queues.publish(named, items, queue, origin=origin)
    published = {item.item_id for item in items}
    labels = [row for row in (read.labels if read else ()) if row.comparison_id in published]
    if labels:
        queues.add_labels(state.queue_id, labels)
    return Published(queues.queue(state.queue_id), len(read.refusals) if read else 0)


@task(name="publish-comparisons")
def publish_task(root: str, comparisons: ComparisonsParams, queue: QueueParams) -> str:
    """Return the id of the queue of these comparisons, as `publish` does.

    Raises:
        InputError: the reference or the file is not there, or holds no comparison.
    """
    published = publish(root, comparisons, queue)
    state = published.queue
    get_run_logger().info(
        "queue %s: %d comparisons, %d of %d labels, %d rows refused",
        state.queue_id[:8],
        state.num_items,
        state.num_labels,
        state.num_wanted,
        published.num_refused,
    )
    return state.queue_id


@task(name=STAGE)
def collect_task(
    queue_id: str, params: CollectParams, root: str, *, rejected: str = "", rerun: bool = False
) -> StageResult:
    """Freeze the labels of a queue, and make pairs of them.

    What an earlier run collected from the same queue is superseded: the labels of now hold its own.
    With `rejected`, the reason why nobody wants the pairs, labels and comparisons are kept and no
    pairs are written.

    Raises:
        InputError: nobody has labelled anything yet.
    """
    store = open_store(root)
    queues = open_queues(store.annotation_path)
    state = queues.queue(queue_id)
    items, labels = queues.items(queue_id), queues.labels(queue_id)
    if not labels:
        raise InputError(
            f"queue {state.name!r} has {state.num_items:,} comparisons and no label yet; open its page "
            "with `prefline annotate`, or give collect.deadline_hours time"
        )
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params={
            **params.model_dump(mode="json", include=_DECIDING),
            QUEUE: queue_id,
            "rejected": rejected,
        },
        parents=_parents(store, state),
        seed=0,
        inputs={"labels": _digest(labels), "comparisons": _digest(items)},
    )

    def body(writer: StageWriter) -> None:
        writer.write(COMPARISONS, [comparison_row(queue_id, item) for item in items])
        writer.write(LABELS, labels)
        said = Counter(label.choice for label in labels)
        people = len({label.annotator for label in labels})
        writer.stats(LABELS, queue=queue_id, name=state.name, annotators=people, choices=said)
        if rejected:
            return
        made = human_pairs(items, labels, params)
        writer.write(PAIRS, made.pairs)
        writer.write(DISPREFERRED, made.dispreferred)
        writer.write(OUTCOMES, made.outcomes)

    tables = TABLES[:2] if rejected else TABLES
    result = run_stage(store, work, tables, body, rerun=rerun)
    _replace_earlier(store, queue_id, result)
    return result


def preview(root: str, queue_id: str, params: CollectParams) -> str:
    """Return in Markdown what would come of the labels that are in."""
    queues = queues_of(root)
    return pairs_preview(queues.items(queue_id), queues.labels(queue_id), params)


_DECIDING = {"aggregation", "min_agreement", "min_gold_accuracy"}
"""What decides which pairs come of the labels; the rest says when to take them."""


def _stored_items(
    store: Store, artifact: Artifact, params: ComparisonsParams
) -> list[ComparisonItem]:
    if params.source == "pairs":
        return compare_pairs(store.rows(PAIRS, artifact))
    parents = (store.get(parent) for parent in artifact.parents)
    asked = [parent for parent in parents if parent.table == PROMPTS.name]
    prompts = {row.prompt_id: row for parent in asked for row in store.rows(PROMPTS, parent)}
    answers = store.get(artifact.outputs[COMPLETIONS.name])
    completions = store.rows(COMPLETIONS, answers)
    if params.source == "completions":
        return compare_completions(completions, prompts)
    by_id = {row.completion_id: row for row in completions}
    return compare_verdicts(store.rows(VERDICTS, artifact), by_id, prompts, params.which)


def _keep_refusals(store: Store, file: Path, refusals: Sequence[Refusal]) -> None:
    """Write what cannot be used to `quarantine`, once for each content of the file."""
    if not refusals:
        return
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    work = Work(
        stage="read-comparisons",
        stage_version=VERSION,
        params={"file": file.name},
        parents=(),
        seed=0,
        inputs={file.name: digest},
    )
    if store.find(work) is None:
        with store.begin(work, [QUARANTINE], flow_run_id=flow_run.get_id() or "") as writer:
            writer.write(QUARANTINE, refusals)
            writer.commit()


def _parents(store: Store, state: QueueState) -> tuple[str, ...]:
    """Return the artifact that the comparisons come from, none for those of a file."""
    table, _, artifact_id = state.origin.partition(" ")
    known = {artifact.artifact_id for artifact in store.artifacts(table, superseded=True)}
    return (artifact_id,) if artifact_id in known else ()


def _digest(rows: Sequence[HumanLabel] | Sequence[ComparisonItem]) -> str:
    return hashlib.sha256(orjson.dumps([asdict(row) for row in rows])).hexdigest()


def _replace_earlier(store: Store, queue_id: str, result: StageResult) -> None:
    """Leave of all that was collected from a queue the newest in use: it has every label."""
    for output in result.outputs.values():
        if store.get(output).superseded:  # by a run with other parameters, whose turn is over
            store.restore(output)
    for artifact in store.artifacts(LABELS.name):
        is_earlier = artifact.stage == STAGE and artifact.params.get(QUEUE) == queue_id
        if is_earlier and artifact.artifact_id != result.outputs[LABELS.name]:
            for output in artifact.outputs.values():
                store.supersede(output, "a later run collected the same queue")
