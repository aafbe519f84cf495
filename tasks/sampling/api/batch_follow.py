"""Following batches to their end, whoever submitted them."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from tasks.sampling.api.batch_calls import BatchCalls
from tasks.sampling.api.batch_claims import NEVER_CREATED, is_orphan
from tasks.sampling.api.batch_end import OVER, BatchEnd
from tasks.sampling.api.batch_faults import GoneError, UnreachableError
from tasks.sampling.api.batch_limits import LEASE_SECONDS, BatchLimits
from tasks.sampling.api.batch_rows import BatchRow, find_batch, give_up, open_batches, record_id
from tasks.sampling.api.batch_settle import lose_batch, settle_lines, settle_rest
from tasks.sampling.api.bill import Bill
from tasks.sampling.api.journal import Journal
from tasks.sampling.api.journal_database import Action, T
from tasks.sampling.api.reply import Outcome
from tasks.sampling.api.server import Server, open_openai

_MOST_DOWNLOADS = 3
_SLOWER = 1.5


class Following:
    """Polls batches and settles what they came to; any number of processes may follow the same."""

    def __init__(
        self, journal: Journal, bill: Bill, calls: BatchCalls, limits: BatchLimits
    ) -> None:
        self._journal = journal
        self._bill = bill
        self._calls = calls
        self._limits = limits
        self._num_damaged: Counter[str] = Counter()

    async def follow(self, tokens: set[str], ended: Callable[[str, str | None], None]) -> None:
        """Return when all batches have ended; `ended` is called with each, and its fault if any.

        Raises:
            InputError: the provider refuses to say how they are.
            UnreachableError: it was out of reach for longer than the limit of patience.
        """
        wait, heard_at = self._limits.first_poll_seconds, time.monotonic()
        left = sorted(tokens)
        while left:
            for token in list(left):
                try:
                    end = await self._step(token)
                except UnreachableError:
                    if time.monotonic() - heard_at > self._limits.patience_seconds:
                        raise
                    continue
                heard_at = time.monotonic()
                if end is not None:
                    left.remove(token)
                    ended(token, end.fault)
                    wait = self._limits.first_poll_seconds
            if left:
                await asyncio.sleep(wait)
                wait = min(wait * _SLOWER, self._limits.longest_poll_seconds)

    async def _step(self, token: str) -> BatchEnd | None:
        """Return how a batch ended, once it is settled; None while it has not."""
        row = await self._write(partial(find_batch, token=token))
        if row.ended_at is not None:  # whoever settled it has seen how
            return BatchEnd(status="ended", latency_seconds=0.0)
        batch_id = row.batch_id or await self._identify(row)
        if batch_id is None:
            return None
        try:
            batch = await self._calls.retrieve(batch_id)
            if batch.status not in OVER:
                return None
            end = BatchEnd.of(batch)
            await self._settle(token, end, (batch.output_file_id, batch.error_file_id))
        except GoneError:
            if time.time() - row.created_at < LEASE_SECONDS:
                raise
            await self._write(partial(lose_batch, token=token))
            return BatchEnd(status="lost", latency_seconds=0.0)
        return end

    async def _identify(self, row: BatchRow) -> str | None:
        """Return the id of a batch of which only the token is known, None if it has none yet.

        The process that asked for it may be about to write the id down. If it has ended, the
        provider's list tells; a batch that is not there was never created, and is given up.
        """
        if not is_orphan(self._journal, row):
            return None
        if row.submitted_at is not None:
            found = await self._calls.find(row.token, row.created_at)
            if found is not None:
                await self._write(partial(record_id, token=row.token, batch_id=found))
                return found
            if time.time() - row.submitted_at < self._limits.appearance_seconds:
                return None
        outcome, detail = Outcome.DISCONNECTED, NEVER_CREATED
        await self._write(partial(give_up, token=row.token, outcome=outcome, detail=detail))
        return None

    async def _settle(self, token: str, end: BatchEnd, file_ids: tuple[str | None, ...]) -> None:
        """Settle all calls of a batch.

        Raises:
            UnreachableError: a file came damaged; what was whole is settled.
        """
        num_damaged = 0
        for file_id in file_ids:
            if file_id is None:
                continue
            lines = (await self._calls.download(file_id)).split(b"\n")
            raw = [line for line in lines if line.strip()]
            for start in range(0, len(raw), self._limits.lines_at_once):
                some = raw[start : start + self._limits.lines_at_once]
                settle = partial(settle_lines, token=token, raw=some, end=end, bill=self._bill)
                num_damaged += await self._write(settle)
        if num_damaged:
            self._num_damaged[token] += 1
            if self._num_damaged[token] < _MOST_DOWNLOADS:
                raise UnreachableError(Outcome.NOT_JSON, f"{num_damaged} damaged lines")
        await self._write(partial(settle_rest, token=token, end=end, bill=self._bill))

    async def _write(self, action: Action[T]) -> T:
        return await asyncio.to_thread(self._journal.run, action)


async def finish_batches(server: Server, keys: Sequence[str], limits: BatchLimits) -> None:
    """Wait for the unfinished batches that hold any of these calls: they are paid for already.

    Raises:
        InputError: the provider refuses to say how they are.
        UnreachableError: it was out of reach for longer than the limit of patience.
    """
    tokens = await asyncio.to_thread(server.journal.run, partial(open_batches, keys=keys))
    if not tokens:
        return
    bill = replace(server.bill, batch=True)
    async with open_openai(server) as openai:
        following = Following(server.journal, bill, BatchCalls(openai), limits)
        await following.follow(tokens, lambda _token, _fault: None)
