"""Batches: files of calls that are answered later, some of them never."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from tests.fakes.api_batch_file import Input, input_of, output_line, unanswered_line
from tests.fakes.api_calls import CHAT
from tests.fakes.api_chat import Json
from tests.fakes.api_faults import error_reply, json_reply
from tests.fakes.api_files import Files, not_found
from tests.fakes.api_http import HttpReply, HttpRequest

AnswerLine = Callable[[Json, str], HttpReply]
"""From the body of a line and the key of its batch to what the endpoint would have replied."""
_DAY_SECONDS = 86_400


@dataclass(slots=True, kw_only=True)
class Batch:
    """One batch as far as it has come; `shown` is its object."""

    shown: Json
    input: Input
    key: str
    num_polls: int = 0
    num_answered: int = 0
    good: list[Json] = field(default_factory=list)
    bad: list[Json] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """It will not change any more."""
        return self.shown["status"] in {"completed", "failed", "expired", "cancelled"}


class Batches:
    """The endpoints of files and batches.

    A batch comes one step further whenever it is asked for by its id, and is over at the
    `polls`-th time. Its lines are answered in equal shares from step to step, at most
    `most_answers` of them: where that is not all, the batch expires.
    """

    def __init__(self, answer: AnswerLine, *, polls: int, most_answers: int | None) -> None:
        self._answer = answer
        self._polls = polls
        self._most_answers = most_answers
        self.files = Files()
        self._batches: dict[str, Batch] = {}

    def serve(self, request: HttpRequest) -> HttpReply | None:  # noqa: PLR0911 - a line per endpoint
        """Return the reply, None where the path is none of these endpoints'."""
        match request.method, request.path.removeprefix("/v1/").split("/"):
            case "POST", ["files"]:
                return self.files.upload(request)
            case "GET", ["files", file_id]:
                return self.files.show(file_id)
            case "GET", ["files", file_id, "content"]:
                return self.files.read(file_id)
            case "POST", ["batches"]:
                return self._create(orjson.loads(request.body), request.key)
            case "GET", ["batches"]:
                return self._list(request)
            case "GET", ["batches", batch_id]:
                return self._change(batch_id, self._poll)
            case "POST", ["batches", batch_id, "cancel"]:
                return self._change(batch_id, self._cancel)
        return None

    def _create(self, body: Json, key: str) -> HttpReply:
        if body["endpoint"] != CHAT:
            message = f"endpoint {body['endpoint']!r} cannot be batched; there is {CHAT}"
            return error_reply(400, message, kind="invalid_request_error", param="endpoint")
        if body["input_file_id"] not in self.files.contents:
            return not_found("File", body["input_file_id"])
        lines = input_of(self.files.contents[body["input_file_id"]], CHAT)
        shown = _new_batch(f"batch_fake_{len(self._batches):04d}", body)
        shown["request_counts"] = {"total": len(lines.requests), "completed": 0, "failed": 0}
        self._batches[shown["id"]] = Batch(shown=shown, input=lines, key=key)
        return json_reply(shown)

    def _list(self, request: HttpRequest) -> HttpReply:
        ids = list(reversed(self._batches))  # the newest first
        after, limit = request.query.get("after"), int(request.query.get("limit", 20))
        ids = ids[ids.index(after) + 1 :] if after in self._batches else ids
        page = [self._batches[batch_id].shown for batch_id in ids[:limit]]
        ends = {"first_id": ids[0], "last_id": page[-1]["id"]} if page else {}
        return json_reply({"object": "list", "data": page, "has_more": len(ids) > limit, **ends})

    def _change(self, batch_id: str, step: Callable[[Batch], HttpReply]) -> HttpReply:
        batch = self._batches.get(batch_id)
        return step(batch) if batch else not_found("Batch", batch_id)

    def _poll(self, batch: Batch) -> HttpReply:
        batch.num_polls += 1
        if batch.is_over:
            return json_reply(batch.shown)
        if batch.input.errors:
            batch.shown["errors"] = {"object": "list", "data": batch.input.errors}
            _enter(batch, "failed")
        elif batch.shown["status"] == "cancelling":
            self._end(batch, "cancelled", "batch_cancelled")
        else:
            self._advance(batch)
        return json_reply(batch.shown)

    def _cancel(self, batch: Batch) -> HttpReply:
        if batch.is_over:
            message = f"Cannot cancel a batch with status '{batch.shown['status']}'."
            return error_reply(409, message, kind="invalid_request_error")
        _enter(batch, "cancelling")
        return json_reply(batch.shown)

    def _advance(self, batch: Batch) -> None:
        if batch.shown["status"] == "validating":
            _enter(batch, "in_progress")
        total = len(batch.input.requests)
        due = total * min(batch.num_polls, self._polls) // self._polls
        due = due if self._most_answers is None else min(due, self._most_answers)
        for request in batch.input.requests[batch.num_answered : due]:
            line = output_line(request["custom_id"], self._answer(request["body"], batch.key))
            (batch.good if _is_good(line) else batch.bad).append(line)
        batch.num_answered = due
        _count(batch)
        if batch.num_polls >= self._polls:
            is_whole = due == total
            self._end(batch, "completed" if is_whole else "expired", "batch_expired")

    def _end(self, batch: Batch, status: str, code: str) -> None:
        """Write the files, in another order than that of the input: no order is promised."""
        left = batch.input.requests[batch.num_answered :]
        batch.bad += [unanswered_line(request["custom_id"], code) for request in left]
        _count(batch)
        for kind, lines in (("output", batch.good), ("error", batch.bad)):
            if lines:
                content = b"".join(orjson.dumps(line) + b"\n" for line in reversed(lines))
                name = f"{batch.shown['id']}_{kind}.jsonl"
                written = self.files.add(name, content, "batch_output")
                batch.shown[f"{kind}_file_id"] = written["id"]
        _enter(batch, status)


def _is_good(line: Json) -> bool:
    return line["error"] is None and line["response"]["status_code"] == 200


def _count(batch: Batch) -> None:
    batch.shown["request_counts"] |= {"completed": len(batch.good), "failed": len(batch.bad)}


def _enter(batch: Batch, status: str) -> None:
    batch.shown |= {"status": status, f"{status}_at": int(time.time())}


def _new_batch(batch_id: str, body: Json) -> Json:
    now = int(time.time())
    later = ("in_progress", "finalizing", "completed", "failed", "expired")
    return {
        "id": batch_id,
        "object": "batch",
        "endpoint": body["endpoint"],
        "errors": None,
        "input_file_id": body["input_file_id"],
        "completion_window": body["completion_window"],
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": now,
        "expires_at": now + _DAY_SECONDS,
        **{f"{status}_at": None for status in (*later, "cancelling", "cancelled")},
        "metadata": body.get("metadata"),
    }
