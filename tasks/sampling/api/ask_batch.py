"""Asking for many replies through the provider's batch endpoint: half the price, within a day.

A batch and the claims of its calls are on disk before the provider hears of it, its id is once the
provider has made it. So a run that is killed leaves a batch which the next run goes on with.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar
from uuid import uuid4

from storage.input_error import InputError
from tasks.progress import Progress
from tasks.sampling.api.batch_calls import BatchCalls
from tasks.sampling.api.batch_claims import BatchClaim, Want, claim_batch
from tasks.sampling.api.batch_faults import UnreachableError
from tasks.sampling.api.batch_follow import Following
from tasks.sampling.api.batch_input import batch_line, check_batchable, file_loads
from tasks.sampling.api.batch_limits import BatchLimits
from tasks.sampling.api.batch_rows import (
    LineEnd,
    give_up,
    line_ends,
    record_id,
    record_submission,
    release,
)
from tasks.sampling.api.journal_database import Action, T
from tasks.sampling.api.journal_rows import LOST
from tasks.sampling.api.reply import ApiReply, Outcome
from tasks.sampling.api.server import Server, open_openai
from tasks.sampling.api.stored_reply import stored_reply
from tasks.sampling.api.turns import Job

_BUSY_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0


class BatchAsking:
    """The calls of one `ask`, sent in batches; `limits` are the provider's unless others are given."""

    LIMITS: ClassVar[BatchLimits] = BatchLimits()

    def __init__(
        self,
        server: Server,
        jobs: Sequence[Job],
        progress: Progress,
        *,
        num_known: int,
        limits: BatchLimits | None = None,
    ) -> None:
        self._server = server
        self._bill = replace(server.bill, batch=True)
        self._journal = server.journal
        self._progress = progress
        self._num_known = num_known
        self._num_jobs = len(jobs)
        self._limits = limits or self.LIMITS
        self._waiting = {job.key: job for job in jobs}
        self._replies: dict[str, ApiReply] = {}
        self._own: set[str] = set()
        self._wait_seconds = 0.0

    async def replies(self) -> dict[str, ApiReply]:
        """Return what became of each job, by key.

        Raises:
            InputError: a call that cannot be batched, or a fault that all calls share.
            UnreachableError: the provider does not say how its batches are; the next run asks on.
        """
        check_batchable(self._waiting.values())
        async with open_openai(self._server) as openai:
            calls = BatchCalls(openai)
            following = Following(self._journal, self._bill, calls, self._limits)
            while self._waiting:
                self._wait_seconds = 0.0
                tokens = await self._take(calls)
                if tokens:
                    await following.follow(tokens, self._ended)
                elif self._waiting and not self._wait_seconds:
                    self._wait_seconds = _BUSY_WAIT_SECONDS
                await asyncio.sleep(self._wait_seconds if self._waiting else 0.0)
        return self._replies

    async def _take(self, calls: BatchCalls) -> set[str]:
        """Return the batches that hold the jobs: those of others, and new ones for what is left."""
        tokens: set[str] = set()
        for jobs in list(file_loads(self._waiting.values(), self._limits)):
            token = uuid4().hex
            wants = [self._want(job) for job in jobs]
            taken = await self._write(
                partial(
                    claim_batch,
                    journal=self._journal,
                    token=token,
                    base_url=self._server.base_url,
                    wants=wants,
                )
            )
            self._settle_now(taken)
            tokens |= taken.theirs
            if taken.mine:
                self._own.add(token)
                tokens.add(token)
                await self._submit(token, [self._waiting[key] for key in taken.mine], calls)
        return tokens

    def _want(self, job: Job) -> Want:
        call = job.request.canonical(self._server.base_url)
        return Want(job.key, job.request, call, self._bill.hold(job.request))

    def _settle_now(self, taken: BatchClaim) -> None:
        for key, stored in taken.replies.items():
            self._done(stored_reply(key, self._waiting[key].request, stored, reused=True))
        for key in taken.over_budget:
            reason = "the run's budget does not cover it beside what its batches may cost"
            self._done(ApiReply(key=key, outcome=Outcome.PENDING, reason=reason))

    async def _submit(self, token: str, jobs: Sequence[Job], calls: BatchCalls) -> None:
        """Have a claimed batch created, or give it up; what is not certain is left to `Following`.

        Raises:
            InputError: the provider refuses it, and would refuse others.
        """
        may_exist = False
        for job in jobs:
            job.attempts += 1
        try:
            file_id = await calls.upload(b"".join(map(batch_line, jobs)), token)
            await self._write(partial(record_submission, token=token))
            may_exist = True
            batch_id = await calls.create(file_id, token)
            await self._write(partial(record_id, token=token, batch_id=batch_id))
        except InputError as error:
            self._give_up(token, Outcome.BAD_REQUEST, str(error))
            raise
        except UnreachableError as error:
            if not may_exist or error.outcome is Outcome.RATE_LIMITED:
                self._give_up(token, error.outcome, error.detail)
        finally:
            self._journal.run(partial(release, token=token))

    def _give_up(self, token: str, outcome: Outcome, detail: str) -> None:
        self._journal.run(partial(give_up, token=token, outcome=outcome, detail=detail))

    def _ended(self, token: str, fault: str | None) -> None:
        """Take the replies of a batch that is settled.

        Raises:
            InputError: one that this run submitted failed for a fault that all calls share.
        """
        if fault and token in self._own:
            raise InputError(
                f"{self._server.base_url} refuses a batch of {len(self._waiting):,} calls ({fault}); "
                "name a model that takes batches, or set api.batch=false"
            )
        after = 0
        while lines := self._journal.run(partial(line_ends, token=token, after=after)):
            after = lines[-1].attempt
            for line in lines:
                if line.key in self._waiting:
                    self._take_line(self._waiting[line.key], line, is_own=token in self._own)

    def _take_line(self, job: Job, line: LineEnd, *, is_own: bool) -> None:
        if line.reply is not None:
            reused = line.run != self._journal.run_id
            self._done(stored_reply(job.key, job.request, line.reply, reused=reused))
            return
        outcome = Outcome(line.outcome) if line.outcome != LOST else Outcome.DISCONNECTED
        # A batch that somebody cancelled during this run is not to come back in this run.
        is_over = line.batch_status == "cancelled" or not outcome.is_transient
        if not is_own or (not is_over and job.attempts < self._server.params.max_attempts):
            wait = self._server.params.retry_wait_seconds * 2 ** max(0, job.attempts - 1)
            self._wait_seconds = max(self._wait_seconds, min(wait, _LONGEST_WAIT_SECONDS))
        else:
            times = f" ({job.attempts} attempts)" if job.attempts > 1 else ""
            self._done(ApiReply(key=job.key, outcome=outcome, reason=f"{line.detail}{times}"))

    def _done(self, reply: ApiReply) -> None:
        del self._waiting[reply.key]
        self._replies[reply.key] = reply
        self._progress(self._num_known + len(self._replies), self._num_known + self._num_jobs)

    async def _write(self, action: Action[T]) -> T:
        return await asyncio.to_thread(self._journal.run, action)
