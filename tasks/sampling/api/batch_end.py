"""A batch that is over: what its lines and the batch itself say about each call."""

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from tasks.sampling.api.bill import Bill
from tasks.sampling.api.journal_tables import Spent
from tasks.sampling.api.read_reply import read_reply
from tasks.sampling.api.reply import Outcome
from tasks.sampling.api.request import ApiRequest

if TYPE_CHECKING:
    from openai.types import Batch

OVER = frozenset({"completed", "failed", "expired", "cancelled"})
_LONGEST_DETAIL = 300
_LONGEST_FAULTY_BODY = 64_000
_OK, _TOO_MANY = 200, 429
_LATE = {408, 409, 425}
_CODES = {"batch_expired": Outcome.TIMEOUT, "batch_cancelled": Outcome.DISCONNECTED}
_UNBILLED = Spent(tokens=0, usd=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a line comes to, as the journal keeps it."""

    outcome: Outcome
    spent: Spent
    detail: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEnd:
    """How a batch ended; `faults` are of a failed one, by the number of the line (null: of all)."""

    status: str
    latency_seconds: float
    faults: tuple[tuple[int | None, str], ...] = ()
    is_limited: bool = False
    """It failed for a limit of the account: it may do better later."""

    @classmethod
    def of(cls, batch: "Batch") -> "BatchEnd":
        """Return how a batch ended that is over."""
        listed = (batch.errors.data if batch.errors else None) or []
        stamps = (batch.completed_at, batch.expired_at, batch.cancelled_at, batch.failed_at)
        ended_at = next((stamp for stamp in stamps if stamp), time.time())
        return cls(
            status=batch.status,
            latency_seconds=max(0.0, ended_at - (batch.created_at or ended_at)),
            faults=tuple(
                (
                    None if error.code == "model_not_found" else error.line,
                    f"{error.code}: {error.message}"[:_LONGEST_DETAIL],
                )
                for error in listed
            ),
            is_limited=any("limit" in (error.code or "") for error in listed),
        )

    @property
    def fault(self) -> str | None:
        """What is wrong with the whole of a failed batch, whatever its lines are."""
        if self.status != "failed" or self.is_limited:
            return None
        return next((said for line, said in self.faults if line is None), None)

    def without_line(self, number: int, request: ApiRequest, bill: Bill) -> Settled:
        """Return what the call of line `number` (from 1) comes to, of which the files say nothing."""
        if self.status == "completed":  # it may have been answered, and billed
            outcome, detail = Outcome.DISCONNECTED, "the batch's files do not name this call"
            return Settled(outcome=outcome, spent=bill.spent(request, outcome, None), detail=detail)
        faults = dict(self.faults)
        said = faults.get(number, faults.get(None))
        if self.status == "expired":
            outcome = Outcome.TIMEOUT
        elif self.is_limited:
            outcome, said = Outcome.RATE_LIMITED, next(iter(faults.values()))
        else:
            outcome = Outcome.BAD_REQUEST if said else Outcome.DISCONNECTED
        detail = f"the batch is {self.status}" + (f": {said}" if said else "")
        return Settled(outcome=outcome, spent=_UNBILLED, detail=detail)


def parse_line(raw: bytes) -> dict[str, Any] | None:
    """Return a line of a batch's file, None where it is none."""
    try:
        line = orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            line = json.loads(raw)  # lone surrogates: the text is no Unicode, the line is whole
        except (ValueError, RecursionError):
            return None
    key = line.get("custom_id") if isinstance(line, dict) else None
    return line if isinstance(key, str) and key.isascii() else None


def read_line(line: dict[str, Any], request: ApiRequest, bill: Bill) -> Settled:
    """Return what a line of the output or error file comes to: as over HTTP, where it has a body."""
    response, error = line.get("response"), line.get("error")
    if not isinstance(response, dict):
        said = error if isinstance(error, dict) else {"message": error}
        code = str(said.get("code") or "")
        detail = f"{code}: {said.get('message')}"[:_LONGEST_DETAIL]
        outcome = _CODES.get(code, Outcome.SERVER_ERROR)
        return Settled(outcome=outcome, spent=_UNBILLED, detail=detail)
    body = _dumped(response.get("body"))
    status = response.get("status_code")
    if status != _OK:
        detail = f"HTTP {status}: {_message(response.get('body'))}"[:_LONGEST_DETAIL]
        body = body[:_LONGEST_FAULTY_BODY]
        return Settled(outcome=_outcome(status), spent=_UNBILLED, detail=detail, body=body)
    read = read_reply(request, body)
    return Settled(
        outcome=read.outcome,
        spent=bill.spent(request, read.outcome, read.usage),
        detail=read.reason,
        body=body if read.outcome.is_reply else body[:_LONGEST_FAULTY_BODY],
    )


def _dumped(body: object) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body).encode()


def _outcome(status: object) -> Outcome:
    if status == _TOO_MANY:
        return Outcome.RATE_LIMITED
    if status in _LATE:
        return Outcome.TIMEOUT
    if isinstance(status, int) and 400 <= status < 500:  # noqa: PLR2004  - faults of the request
        return Outcome.BAD_REQUEST
    return Outcome.SERVER_ERROR


def _message(body: object) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message") if isinstance(error, dict) else body)
