"""The client: what the journal has is not asked again, the rest is claimed, asked and written down."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tasks.progress import Progress, silent
from tasks.sampling.api.ask_all import Asking
from tasks.sampling.api.ask_batch import BatchAsking
from tasks.sampling.api.batch_faults import UnreachableError
from tasks.sampling.api.batch_follow import finish_batches
from tasks.sampling.api.reply import ApiReply, Outcome
from tasks.sampling.api.request import ApiRequest
from tasks.sampling.api.server import Server
from tasks.sampling.api.stored_reply import stored_reply
from tasks.sampling.api.turns import Job

T = TypeVar("T")


_UNAVAILABLE = {outcome for outcome in Outcome if outcome.is_transient} - {
    Outcome.NO_CHOICES,
    Outcome.NO_CONTENT,
}


class ApiUnavailableError(RuntimeError):
    """Not one of the calls brought a reply: the server is down, so the stage may be tried again."""


@dataclass(frozen=True, slots=True)
class ApiClient:
    """Asks one OpenAI-compatible server through a journal; fulfils `Api`.

    `reused` counts the calls that the journal answered, by model; `unanswered` the requests that a
    later run would ask again, by what became of them.
    """

    server: Server
    reused: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[Outcome] = field(default_factory=Counter)
    _replies: Counter[str] = field(default_factory=Counter)

    def ask(self, requests: Sequence[ApiRequest], progress: Progress = silent) -> list[ApiReply]:
        """Return one reply per request, in the same order, whatever became of each.

        What the journal has is not asked again. What the budget does not allow is `pending`.

        Raises:
            InputError: a model without a price under a limit of dollars, or a fault that all calls
                share: the key, the model, the account.
            ApiUnavailableError: calls were made, none of them brought a reply, and there is none from
                before: nothing that could be worked with.
        """
        server = self.server
        for model in {request.model for request in requests}:
            server.bill.check(model, server.journal.budget)
        keys = [request.key(server.base_url) for request in requests]
        jobs = {key: Job(key, request) for key, request in zip(keys, requests, strict=True)}
        if not server.params.batch:  # what an earlier run sent in batches is not paid again
            _run(finish_batches(server, keys, BatchAsking.LIMITS), server.base_url)
        replies = {
            key: stored_reply(key, jobs[key].request, stored, reused=True)
            for key, stored in server.journal.replies(list(jobs)).items()
        }
        missing = [job for key, job in jobs.items() if key not in replies]
        if missing:
            kind = BatchAsking if server.params.batch else Asking
            asking = kind(server, missing, progress, num_known=len(replies))
            replies |= _run(asking.replies(), server.base_url)
        self._replies.update(reply.model for reply in replies.values() if reply.outcome.is_reply)
        if not self._replies:
            _check_available(replies, server.base_url)
        self.reused.update(
            jobs[reply.key].request.model for reply in replies.values() if reply.reused
        )
        outcomes = (reply.outcome for reply in replies.values())
        self.unanswered.update(o for o in outcomes if o.is_transient or o is Outcome.PENDING)
        return [replies[key] for key in keys]


def _run(work: Coroutine[None, None, T], base_url: str) -> T:
    """Return what `work` returns.

    Raises:
        ApiUnavailableError: nothing is heard of its batches.
    """
    try:
        return asyncio.run(work)
    except UnreachableError as error:
        raise ApiUnavailableError(
            f"{base_url} does not say how its batches are ({error}). Nothing is lost: run again when "
            "it is back"
        ) from error


def _check_available(replies: dict[str, ApiReply], base_url: str) -> None:
    """Refuse to call it a result if no call got as far as a model.

    A model that has no text for the only request that is left is no reason to stop: it would have
    none the next time either.

    Raises:
        ApiUnavailableError: none did.
    """
    failed = [reply for reply in replies.values() if reply.outcome in _UNAVAILABLE]
    asked = [reply for reply in replies.values() if reply.outcome is not Outcome.PENDING]
    if asked and len(failed) == len(asked):
        raise ApiUnavailableError(
            f"none of {len(asked):,} calls to {base_url} brought a reply; the last: "
            f"{failed[-1].outcome}: {failed[-1].reason}. Nothing is lost: run again when it is back"
        )
