"""Asking for many replies at once: turns, places in flight, retries, limits, claims."""

import asyncio
import random
import time
from collections.abc import Sequence

from tasks.progress import Progress
from tasks.sampling.api.ask_batch import BatchAsking
from tasks.sampling.api.batch_follow import finish_batches
from tasks.sampling.api.call import Answered, call
from tasks.sampling.api.journal import Busy, Claimed, OverBudget
from tasks.sampling.api.journal_tables import Spent, StoredReply
from tasks.sampling.api.places import Places
from tasks.sampling.api.reply import ApiReply, Outcome
from tasks.sampling.api.request import ApiRequest
from tasks.sampling.api.server import Server
from tasks.sampling.api.stored_reply import stored_reply
from tasks.sampling.api.turns import Job, Turn, Turns

LONGEST_WAIT_SECONDS = 60.0
_BUSY_WAIT_SECONDS = 0.1
_LEASE_MARGIN_SECONDS = 60.0


class Asking:
    """The calls of one `ask`, in one event loop."""

    def __init__(
        self, server: Server, jobs: Sequence[Job], progress: Progress, *, num_known: int
    ) -> None:
        self._server = server
        self._params = server.params
        self._bill = server.bill
        self._journal = server.journal
        self._progress = progress
        self._num_known = num_known
        self._num_jobs = len(jobs)
        self._turns = Turns(jobs, server.params)
        self._places = Places(server)
        self._replies: dict[str, ApiReply] = {}
        self._num_open = 0
        self._num_in_flight = 0
        self._num_settled = 0
        self._is_spent = False
        self._fatal: Exception | None = None
        self._changed = asyncio.Event()
        self._jitter = random.Random()  # noqa: S311  - spreads retries, guards nothing

    async def replies(self) -> dict[str, ApiReply]:
        """Return what became of each job, by key.

        Raises:
            InputError: a fault that all calls share; those in flight are finished and kept first.
            OSError: the journal cannot be written.
        """
        async with self._places, asyncio.TaskGroup() as group:
            while len(self._replies) < self._num_jobs and self._fatal is None:
                now = time.monotonic()
                at = self._next_at(now)
                if at is None or at > now:
                    await self._wait_for_change(None if at is None else at - now)
                else:
                    self._num_open += 1
                    group.create_task(self._take(self._turns.take(now)))
        if self._fatal is not None:
            raise self._fatal
        return self._replies

    def _next_at(self, now: float) -> float | None:
        """Return when a job may be tried, None if first a call must end."""
        if self._num_open >= self._params.max_concurrency:
            return None
        if self._is_spent and self._num_in_flight:
            return None
        return self._turns.next_at(now)

    async def _wait_for_change(self, seconds: float | None) -> None:
        """Return when a place is free, or after `seconds`."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _take(self, turn: Turn) -> None:
        """Try a job once: it is done then, or gets another turn."""
        try:
            await self._claim(turn)
        except Exception as error:  # noqa: BLE001  - raised again when the calls in flight are kept
            self._fatal = self._fatal or error
        finally:
            self._num_open -= 1
            self._changed.set()

    async def _claim(self, turn: Turn) -> None:
        job, num_settled = turn.job, self._num_settled
        claim = await self._journal.claim(
            job.key,
            job.request,
            job.request.canonical(self._bill.base_url),
            self._bill.hold(job.request),
            lease_seconds=self._params.timeout_seconds + _LEASE_MARGIN_SECONDS,
        )
        if isinstance(claim, Claimed) and self._fatal is None:
            await self._make(job, claim.attempt)
            return
        self._turns.give_back(turn)
        match claim:
            case Claimed():
                self._journal.release(claim.attempt)
            case StoredReply():
                self._done(stored_reply(job.key, job.request, claim, reused=True))
            case Busy():  # with another process, or in a batch whose process may be gone
                await finish_batches(self._server, [job.key], BatchAsking.LIMITS)
                self._again(job, _BUSY_WAIT_SECONDS)
            case OverBudget() if self._num_in_flight or self._num_settled > num_settled:
                self._is_spent = True  # until a call in flight has given back a part
                self._again(job, 0.0)
            case OverBudget():
                reason = "the run's budget is spent"
                self._done(ApiReply(key=job.key, outcome=Outcome.PENDING, reason=reason))

    async def _make(self, job: Job, attempt: int) -> None:
        """Make a claimed call and write down what came of it before anything uses it."""
        started = time.monotonic()
        settled = False
        self._num_in_flight += 1
        try:
            answered = await self._answered(job.request)
            latency = time.monotonic() - started
            spent = self._spent(job.request, answered)
            await self._journal.settle(
                attempt,
                answered.outcome,
                spent,
                detail=answered.detail,
                body=answered.body,
                latency_seconds=latency,
            )
            settled = True
        finally:
            self._num_in_flight -= 1
            self._num_settled += 1
            self._is_spent = False
            if not settled:
                self._journal.abandon(attempt)
        job.attempts += 1
        if answered.outcome.is_reply:
            stored = StoredReply(answered.body, latency, spent.usd)
            self._done(stored_reply(job.key, job.request, stored, reused=False))
        elif answered.outcome.is_transient and job.attempts < self._params.max_attempts:
            self._again(job, self._backoff(job, answered))
        else:
            self._done(_failed(job, answered))

    async def _answered(self, request: ApiRequest) -> Answered:
        http = self._places.take()
        try:
            return await call(
                http, request, self._params.timeout_seconds, api_key=self._server.api_key
            )
        finally:
            self._places.give_back(http)

    def _spent(self, request: ApiRequest, answered: Answered) -> Spent:
        if not answered.reached:
            return Spent(tokens=0, usd=0.0)
        return self._bill.spent(request, answered.outcome, answered.usage)

    def _backoff(self, job: Job, answered: Answered) -> float:
        """Return the seconds until the next try: twice as long each time, with jitter.

        What the server asks for counts more, and for all calls: they share its limit.
        """
        first = self._params.retry_wait_seconds
        longest = min(LONGEST_WAIT_SECONDS, first * 2 ** (job.attempts - 1))
        wait = longest * self._jitter.uniform(0.5, 1.0)
        asked = answered.retry_after_seconds
        if asked is None:
            return wait
        asked = min(asked, LONGEST_WAIT_SECONDS)
        if answered.outcome is Outcome.RATE_LIMITED:
            self._turns.pause(time.monotonic() + asked)
        return asked + wait * self._jitter.uniform(0.0, 0.5)

    def _again(self, job: Job, seconds: float) -> None:
        self._turns.add(job, time.monotonic() + seconds)

    def _done(self, reply: ApiReply) -> None:
        self._replies[reply.key] = reply
        self._progress(self._num_known + len(self._replies), self._num_known + self._num_jobs)


def _failed(job: Job, answered: Answered) -> ApiReply:
    times = f" ({job.attempts} attempts)" if job.attempts > 1 else ""
    return ApiReply(key=job.key, outcome=answered.outcome, reason=f"{answered.detail}{times}")
