"""Which job may be tried next, and when: waits before retries, limits and pauses of all calls."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.sampling.api.bill import likely_prompt_tokens, most_completion_tokens
from tasks.sampling.api.pace import Pace, Taken
from tasks.sampling.api.params import ApiParams
from tasks.sampling.api.request import ApiRequest


@dataclass(slots=True)
class Job:
    """A request on its way, with how often it was tried."""

    key: str
    request: ApiRequest
    attempts: int = 0


@dataclass(order=True, slots=True)
class _Waiting:
    at: float
    number: int
    job: Job = field(compare=False)
    tokens: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """A job that may be tried now, and what its try takes of the limits."""

    job: Job
    request: Taken
    tokens: Taken


class Turns:
    """Jobs that wait; all times are seconds of one clock that only goes forward."""

    def __init__(self, jobs: Sequence[Job], params: ApiParams) -> None:
        self._requests = Pace(params.requests_per_minute)
        self._tokens = Pace(params.tokens_per_minute)
        self._counts_tokens = params.tokens_per_minute is not None
        self._paused_until = 0.0
        self._number = 0
        self._waiting: list[_Waiting] = []
        for job in jobs:
            self.add(job, 0.0)

    def add(self, job: Job, at: float) -> None:
        """Let a job be tried at a time, after those that wait for the same or an earlier one."""
        self._number += 1
        tokens = _likely_tokens(job.request) if self._counts_tokens else 0
        heapq.heappush(self._waiting, _Waiting(at, self._number, job, tokens))

    def pause(self, until: float) -> None:
        """Let no job be tried before a time."""
        self._paused_until = max(self._paused_until, until)

    def next_at(self, now: float) -> float | None:
        """Return when a job may be tried, `now` if at once, None if none waits."""
        if not self._waiting:
            return None
        first = self._waiting[0]
        return max(
            first.at,
            self._paused_until,
            self._requests.ready_at(1, now),
            self._tokens.ready_at(first.tokens, now),
        )

    def take(self, now: float) -> Turn:
        """Return the job that may be tried now."""
        first = heapq.heappop(self._waiting)
        return Turn(first.job, self._requests.take(1, now), self._tokens.take(first.tokens, now))

    def give_back(self, turn: Turn) -> None:
        """Free what a turn took of the limits: it came to no call."""
        self._requests.give_back(turn.request)
        self._tokens.give_back(turn.tokens)


def _likely_tokens(request: ApiRequest) -> int:
    return likely_prompt_tokens(request) + most_completion_tokens(request)
