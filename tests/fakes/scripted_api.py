"""An API whose model is a function: it reads what a judge is shown, and says what it is told to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tasks.progress import Progress, silent
from tasks.sampling.api.reply import ApiReply, Choice, Outcome
from tasks.sampling.api.request import ApiRequest

Say = Callable[[Mapping[str, Any]], str | ApiReply]
"""From the data that stands in the fence to a text, or to a whole reply (its key is filled in)."""


def data_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a request to a judge, found as its system message says."""
    messages = body.get("messages") or body["input"]
    lines = messages[-1]["content"].split("\n")
    mark = lines[0].removeprefix("The mark of this request is ").removesuffix(".")
    begin, end = lines.index(f"BEGIN DATA {mark}"), lines.index(f"END DATA {mark}")
    (data,) = lines[begin + 1 : end]
    return orjson.loads(data)


def text_reply(text: str, **fields: Any) -> ApiReply:
    """Return a reply with one text, as a server sends it."""
    choices = (Choice(text=text, finish_reason="stop"),)
    return ApiReply(**({"key": "", "outcome": Outcome.OK, "choices": choices} | fields))


@dataclass(slots=True)
class ScriptedApi:
    """Fulfils `Api`; `batches` holds the requests of each call of `ask`."""

    say: Say
    batches: list[list[ApiRequest]] = field(default_factory=list)

    def ask(self, requests: Sequence[ApiRequest], progress: Progress = silent) -> list[ApiReply]:
        """Return what `say` says to each request."""
        self.batches.append(list(requests))
        replies = []
        for done, request in enumerate(requests, start=1):
            said = self.say(data_in(request.body))
            reply = text_reply(said) if isinstance(said, str) else said
            replies.append(replace(reply, key=request.key("http://localhost/v1")))
            progress(done, len(requests))
        return replies
