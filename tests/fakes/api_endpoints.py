"""What each endpoint replies to a request, and the record of it."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import orjson

from tests.fakes.api_batches import Batches
from tests.fakes.api_calls import CHAT, DECISIONS, Call, CallLog
from tests.fakes.api_chat import Answer, Json, completion, echo
from tests.fakes.api_decisions import Decide, decide_by_digest, decision
from tests.fakes.api_faults import Asked, Reply, error_reply, json_reply
from tests.fakes.api_files import not_found
from tests.fakes.api_http import HttpReply, HttpRequest, Traffic
from tests.fakes.api_schedule import FAULTS, SERVER_FAULTS, TRANSIENT, Schedule, schedule

_NEEDED = {CHAT: ("model", "messages"), DECISIONS: ("model", "input", "questions")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What the server says, how slowly, and when it fails.

    `faults` holds for calls of a model, the lines of batches among them, in the order in which they
    come: a list, or a function of the call's number (from 0) and body; `fault_share` draws from
    `kinds` instead. `batch_faults` holds for all other calls: files, batches, the list of models.
    `batch_polls` is how often a batch must be asked for until it is over, `batch_answers` how many
    of its lines are answered before it expires. With `keys`, other keys get a 401.
    """

    answer: Answer = echo
    decide: Decide = decide_by_digest
    faults: Sequence[str | None] | Schedule = ()
    fault_share: float = 0.0
    seed: int = 0
    kinds: Sequence[str] = TRANSIENT
    batch_faults: Sequence[str | None] | Schedule = ()
    delay_seconds: float = 0.0
    stall_seconds: float = 3.0
    retry_after_seconds: float = 1.0
    keys: Collection[str] | None = None
    models: Sequence[str] = ("fake-model",)
    batch_polls: int = 2
    batch_answers: int | None = None


class Endpoints:
    """The endpoints; `calls` are those of a model, `others` the rest, each numbered from 0."""

    def __init__(self, behaviour: Behaviour, traffic: Traffic, log: Path | None) -> None:
        self._is = behaviour
        self._traffic = traffic
        self._schedule = schedule(
            behaviour.faults,
            share=behaviour.fault_share,
            seed=behaviour.seed,
            kinds=behaviour.kinds,
        )
        self._other_schedule = schedule(behaviour.batch_faults, among=SERVER_FAULTS)
        self._batches = Batches(
            partial(self._ask, CHAT, in_batch=True),
            polls=behaviour.batch_polls,
            most_answers=behaviour.batch_answers,
        )
        self.calls = CallLog(log)
        self.others = CallLog()

    def serve(self, request: HttpRequest) -> HttpReply:
        """Return the reply to a request, after recording it."""
        body = _json_object(request.body)
        if request.method == "POST" and request.path in _NEEDED:
            reply = self._ask(request.path, body, request.key)
            return replace(reply, wait_seconds=reply.wait_seconds + self._is.delay_seconds)
        fault = self._other_schedule(len(self.others.calls), body)
        fault = "401" if self._is_refused(request.key) else fault
        self._record(self.others, request.path, body, fault, request.key)
        return self._reply(fault, body, request.key, partial(self._other_reply, request))

    def _ask(self, path: str, body: Json, key: str, *, in_batch: bool = False) -> HttpReply:
        number = len(self.calls.calls)
        complaint = _complaint(path, body)
        fault = "400" if complaint else self._schedule(number, body)
        fault = "401" if self._is_refused(key) else fault
        self._record(self.calls, path, body, fault, key, in_batch=in_batch)
        if fault == "400":
            return error_reply(400, complaint, kind="invalid_request_error")
        make = partial(self._made, path, body, number)
        return self._reply(fault, body, key, make)

    def _made(self, path: str, body: Json, number: int) -> HttpReply:
        if path == CHAT:
            return json_reply(completion(body, self._is.answer, number=number))
        return json_reply(decision(body, self._is.decide))

    def _reply(self, fault: str | None, body: Json, key: str, make: Reply) -> HttpReply:
        if fault is None:
            return make()
        asked = Asked(
            body=body,
            key=key,
            reply=make,
            stall_seconds=self._is.stall_seconds,
            retry_after_seconds=self._is.retry_after_seconds,
        )
        return FAULTS[fault](asked)

    def _other_reply(self, request: HttpRequest) -> HttpReply:
        if (request.method, request.path) == ("GET", "/v1/models"):
            rows = [
                {"id": model, "object": "model", "created": 0, "owned_by": "fake"}
                for model in self._is.models
            ]
            return json_reply({"object": "list", "data": rows})
        return self._batches.serve(request) or not_found("endpoint", request.path)

    def _record(
        self,
        log: CallLog,
        path: str,
        body: Json,
        fault: str | None,
        key: str,
        *,
        in_batch: bool = False,
    ) -> None:
        call = Call(
            number=len(log.calls),
            path=path,
            body=body,
            fault=fault,
            key=key,
            at=time.monotonic(),
            in_flight=0 if in_batch else self._traffic.in_flight,
            in_batch=in_batch,
        )
        log.add(call)

    def _is_refused(self, key: str) -> bool:
        return self._is.keys is not None and key not in self._is.keys


def _json_object(body: bytes) -> Json:
    """Return the body as a JSON object, an empty one where it is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _complaint(path: str, body: Json) -> str:
    missing = [name for name in _NEEDED[path] if name not in body]
    if missing:
        return f"the body is no JSON object with {', '.join(missing)}"
    return "stream is not supported by the fake" if body.get("stream") else ""
