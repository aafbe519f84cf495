"""The lines of a batch's files: requests in, replies and errors out."""

from dataclasses import dataclass

import orjson

from tests.fakes.api_chat import Json
from tests.fakes.api_http import HttpReply

_UNANSWERED = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed because the batch was cancelled.",
}


@dataclass(frozen=True, slots=True)
class Input:
    """The requests of a batch, or why it fails as a whole."""

    requests: list[Json]
    errors: list[Json]


def input_of(content: bytes, endpoint: str) -> Input:
    """Return the requests of an input file and what is wrong with them."""
    requests: list[Json] = []
    errors: list[Json] = []
    names: set[str] = set()
    for number, line in enumerate(content.splitlines(), start=1):
        code = _fault_of(line, endpoint, names)
        if code:
            message = f"Line {number} of the input file cannot be used: {code}."
            errors.append({"code": code, "line": number, "message": message, "param": None})
        else:
            requests.append(orjson.loads(line))
            names.add(requests[-1]["custom_id"])
    if not requests and not errors:
        message = "The input file is empty."
        errors.append({"code": "empty_file", "line": None, "message": message, "param": None})
    return Input(requests, errors)


def _fault_of(line: bytes, endpoint: str, names: set[str]) -> str | None:
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "invalid_json_line"
    if not isinstance(request, dict) or not {"custom_id", "method", "url", "body"} <= set(request):
        return "missing_required_parameter"
    if request["custom_id"] in names:
        return "duplicate_custom_id"
    return None if (request["method"], request["url"]) == ("POST", endpoint) else "mismatched_url"


def output_line(custom_id: str, reply: HttpReply) -> Json:
    """Return the line that stands for a reply; what would not have arrived is an error."""
    body = _body_of(reply)
    if body is None:
        error = {"code": "server_error", "message": "The request could not be processed."}
        return {**_line(custom_id), "error": error}
    response = {"status_code": reply.status, "request_id": f"req_{custom_id}", "body": body}
    return {**_line(custom_id), "response": response}


def unanswered_line(custom_id: str, code: str) -> Json:
    """Return the line of a request that was never tried."""
    return {**_line(custom_id), "error": {"code": code, "message": _UNANSWERED[code]}}


def _line(custom_id: str) -> Json:
    return {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": None, "error": None}


def _body_of(reply: HttpReply) -> Json | None:
    if reply.sent != "whole":
        return None
    try:
        body: Json = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return None
    return body
