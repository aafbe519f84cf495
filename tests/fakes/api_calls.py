"""The record of the calls that a server got."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.fakes.api_chat import Json
from tests.fakes.api_schedule import BILLED

CHAT = "/v1/chat/completions"
DECISIONS = "/v1/decisions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: `fault` is None where the reply was good, `at` is in seconds of monotonic time.

    `in_flight` counts the requests that were being answered when it came, itself among them; it is
    0 for a line of a batch.
    """

    number: int
    path: str
    body: Json
    fault: str | None
    key: str
    at: float
    in_flight: int
    in_batch: bool = False

    @property
    def is_billed(self) -> bool:
        """The model worked on it, so that a provider would bill it."""
        if self.path not in {CHAT, DECISIONS}:
            return False
        # What a batch cannot deliver stands in its error file, and is not billed.
        is_lost = self.in_batch and self.fault in {"truncated", "closed-mid"}
        return self.fault is None or (self.fault in BILLED and not is_lost)

    @property
    def sha256(self) -> str:
        """The digest of the body as JSON with sorted keys: equal for calls that ask the same."""
        return hashlib.sha256(orjson.dumps(self.body, option=orjson.OPT_SORT_KEYS)).hexdigest()


class CallLog:
    """Calls in the order in which they came; with a path also a file of one JSON line each."""

    def __init__(self, path: Path | None = None) -> None:
        self.calls: list[Call] = []
        # Unbuffered: a line is there before its reply is, whatever becomes of the process.
        self._file = path.open("ab", buffering=0) if path else None

    def add(self, call: Call) -> None:
        """Record a call."""
        self.calls.append(call)
        if self._file:
            names = ("number", "path", "fault", "is_billed", "in_batch", "sha256")
            line = {name: getattr(call, name) for name in names}
            self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
