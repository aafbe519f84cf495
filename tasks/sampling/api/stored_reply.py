"""Replies that are on disk, read anew from what the server sent."""

from tasks.sampling.api.journal_tables import StoredReply
from tasks.sampling.api.read_reply import read_reply
from tasks.sampling.api.reply import ApiReply
from tasks.sampling.api.request import ApiRequest


def stored_reply(key: str, request: ApiRequest, stored: StoredReply, *, reused: bool) -> ApiReply:
    """Return the reply to `request`; `reused` if it was paid for before this run."""
    read = read_reply(request, stored.body)
    return ApiReply(
        key=key,
        outcome=read.outcome,
        reason=read.reason,
        model=read.model,
        choices=read.choices,
        answers=read.answers,
        prompt_tokens=read.usage.prompt_tokens if read.usage else 0,
        completion_tokens=read.usage.completion_tokens if read.usage else 0,
        cost_usd=stored.usd,
        latency_seconds=stored.latency_seconds,
        reused=reused,
    )
