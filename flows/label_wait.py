"""A run that waits for people: suspended, it costs no worker; a form resumes it, or enough labels do."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.exceptions import NotPausedError, ObjectNotFound
from prefect.flow_runs import resume_flow_run, suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_API_URL

from tasks.annotation.params import CollectParams
from tasks.annotation.queue.queue_state import QueueState
from tasks.annotation.queue.queues import Queues
from tasks.stage_run import shown_progress

_log = logging.getLogger(__name__)
_KEY = "people-{turn}"
_SECONDS_BETWEEN_LOOKS = 2.0
_MEANING = """\
*approve* makes pairs of the labels that are in. *extend* waits so many hours from now, for so many labels
beyond those that are asked for. *reject* keeps the labels, makes no pairs, and needs a reason."""


class PeopleDecision(RunInput):
    """What becomes of the pair set."""

    decision: Literal["approve", "extend", "reject"]
    """approve: make pairs of the labels that are in. extend: wait for more. reject: make none."""
    reason: str
    """Why; a rejection needs one."""
    more_hours: float
    """extend: hours from now."""
    more_labels: int
    """extend: labels beyond those that are asked for now."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """How the wait ended; `reason` is that of a rejection."""

    is_approved: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelWait:
    """A queue whose labels a run waits for, and where its page is.

    `preview` says in Markdown what would come of the labels that are in.
    """

    queues: Queues
    queue_id: str
    collect: CollectParams
    page: str
    preview: Callable[[], str]

    @property
    def state(self) -> QueueState:
        """How far the queue is now."""
        return self.queues.queue(self.queue_id)

    @property
    def link(self) -> str:
        """Where people label."""
        return f"{self.page.rstrip('/')}/q/{self.queue_id}"

    def until(self, *, hours: float, more_labels: int | None = None) -> QueueState:
        """Return the state of the queue, which from now on is due in so many hours.

        `more_labels` is what an extension asks for; None where the wait begins.
        """
        before = self.state
        now = datetime.now(UTC)
        start = max(now, before.deadline or now) if before.flow_run_id else now
        self.queues.wait_for(
            self.queue_id,
            min_labels=labels_to_wait_for(before, self.collect, more_labels),
            deadline=start + timedelta(hours=hours),
            flow_run_id=str(flow_run.get_id()) if deployment.get_id() else None,
        )
        return self.state


def labels_to_wait_for(state: QueueState, collect: CollectParams, more_labels: int | None) -> int:
    """Return how many labels a wait asks for, never more than the queue takes.

    An extension of a wait that is not over adds to what that asked for. One that comes after it
    adds to the labels that are in, and without a number it asks for all that are missing.
    """
    wanted = collect.min_labels or state.num_wanted
    if more_labels is not None:
        if state.min_labels is not None:
            wanted = state.min_labels + more_labels
        elif more_labels:
            wanted = max(wanted, state.num_labels) + more_labels
        else:
            wanted = state.num_wanted
    return min(wanted, state.num_wanted)


def wait_here(waiting: LabelWait) -> Ruling:
    """Return when the labels are in or the deadline has passed, without letting go of the process."""
    state = waiting.until(hours=waiting.collect.deadline_hours)
    if not state.is_due(datetime.now(UTC)):
        get_run_logger().info("waiting for labels: %s", waiting.link)
    with shown_progress("waiting for labels") as progress:
        while not state.is_due(datetime.now(UTC)):
            progress(state.num_labels, state.min_labels or state.num_wanted)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            state = waiting.state
    waiting.queues.stop_waiting(waiting.queue_id)
    return Ruling(is_approved=True)


def wait_for_people(waiting: LabelWait) -> Ruling:
    """Return what was decided; until then the run is suspended and starts again from its top.

    Each suspension is a turn with a key of its own. Prefect gives back what was said in a turn that
    is over, so only the last one has something new to say.
    """
    turns = _turns_so_far()
    if turns == 0:
        state = waiting.until(hours=waiting.collect.deadline_hours)
        trouble = ""
    else:
        said = suspend_flow_run(wait_for_input=PeopleDecision, key=_KEY.format(turn=turns))
        if said is None:
            raise RuntimeError(f"turn {turns} of the wait was resumed without a decision")
        if said.decision == "approve" or (said.decision == "reject" and said.reason.strip()):
            waiting.queues.stop_waiting(waiting.queue_id)
            return Ruling(said.decision == "approve", said.reason.strip())
        if said.decision == "extend":
            trouble = ""
            state = waiting.until(hours=said.more_hours, more_labels=said.more_labels)
        else:
            trouble = "A rejection needs a reason."
            state = waiting.state  # nothing was decided, so nothing changes
    is_due = state.min_labels is None or state.is_due(datetime.now(UTC))
    if is_due:
        waiting.queues.stop_waiting(waiting.queue_id)
        if not waiting.collect.review:
            return Ruling(is_approved=True)
    get_run_logger().info("waiting for people: %s", waiting.link)
    form = PeopleDecision.with_initial_data(
        description="\n\n".join(
            filter(None, [trouble, _description(waiting, state, is_due=is_due)])
        ),
        decision="approve" if is_due else "extend",
        reason="",
        more_hours=24.0,
        more_labels=0,
    )
    suspend_flow_run(wait_for_input=form, key=_KEY.format(turn=turns + 1))
    raise RuntimeError("a suspended run went on")


def resume_due_runs(queues: Queues) -> int:
    """Return how many suspended runs were woken, because their labels are in or time is up.

    A run that is gone, was cancelled or has ended is waited for no longer. Without a Prefect server
    there is none to wake.
    """
    woken = 0
    if not PREFECT_API_URL.value():
        return woken
    for state in queues.due(datetime.now(UTC)):
        run_id = UUID(str(state.flow_run_id))
        look_again = PeopleDecision(
            decision="extend", reason="labels are in, or time is up", more_hours=0, more_labels=0
        )
        try:
            resume_flow_run(run_id, run_input=look_again.model_dump(mode="json"))
            woken += 1
        except NotPausedError:
            with get_client(sync_client=True) as client:
                found = client.read_flow_run(run_id).state
            if found is None or found.is_final():
                queues.stop_waiting(state.queue_id)
        except ObjectNotFound:
            queues.stop_waiting(state.queue_id)
        except RuntimeError as error:  # Prefect refused; the others are woken all the same
            _log.warning("run %s, which waits for labels, cannot be resumed: %s", run_id, error)
    return woken


def _turns_so_far() -> int:
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(str(flow_run.get_id())))
    return len(run.empirical_policy.pause_keys or ())


def _description(waiting: LabelWait, state: QueueState, *, is_due: bool) -> str:
    lines = [
        f"**{state.name}**: {state.num_labels:,} of {state.min_labels or state.num_wanted:,} labels.",
        f"The page on which people label: [{waiting.link}]({waiting.link})",
    ]
    if is_due:
        lines.append("The labels are in, or time is up. These pairs are waiting for your decision:")
    else:
        lines.append(
            f"The run goes on by itself when the labels are in, or at {state.deadline:%Y-%m-%d %H:%M} "
            "UTC. *approve* takes what is there now:"
        )
    return "\n\n".join([*lines, waiting.preview(), _MEANING])
