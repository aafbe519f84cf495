"""What a run would ask and spend, found out without asking."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.progress import Progress, silent
from tasks.sampling.api.bill import BYTES_A_TOKEN, likely_prompt_tokens, most_completion_tokens
from tasks.sampling.api.reply import ApiReply, Choice, Outcome
from tasks.sampling.api.request import ApiRequest
from tasks.sampling.api.server import Server
from tasks.sampling.api.stored_reply import stored_reply


@dataclass(slots=True)
class Plan:
    """Calls of one model. `prompt_tokens` are about right, `completion_tokens` at most so many.

    `cost_usd` is the cost of both, null where the price is unknown.
    """

    model: str
    calls: int = 0
    calls_reused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class DryRun:
    """Stands where an `Api` is asked: gives what the journal has, and counts the rest.

    A text that nobody wrote yet is stood for by one of the longest possible length, so that the
    requests which are made from it, such as a judge's, are counted at their largest too.
    """

    server: Server
    plans: dict[str, Plan] = field(default_factory=dict)

    def ask(self, requests: Sequence[ApiRequest], progress: Progress = silent) -> list[ApiReply]:
        """Return a reply for each request; nothing is sent and nothing is claimed.

        Raises:
            InputError: a model without a price under a limit of dollars.
        """
        keys = [request.key(self.server.base_url) for request in requests]
        known = self.server.journal.replies(list(dict.fromkeys(keys)))
        replies: dict[str, ApiReply] = {}
        for key, request in zip(keys, requests, strict=True):
            if key in replies:
                continue
            if key in known:
                self._plan(request).calls_reused += 1
                replies[key] = stored_reply(key, request, known[key], reused=True)
            else:
                self._count(request)
                replies[key] = _stand_in(key, request)
        progress(len(requests), len(requests))
        return [replies[key] for key in keys]

    def _plan(self, request: ApiRequest) -> Plan:
        self.server.bill.check(request.model, self.server.journal.budget)
        return self.plans.setdefault(request.model, Plan(request.model))

    def _count(self, request: ApiRequest) -> None:
        plan = self._plan(request)
        prompt, completion = likely_prompt_tokens(request), most_completion_tokens(request)
        plan.calls += 1
        plan.prompt_tokens += prompt
        plan.completion_tokens += completion
        bill = self.server.bill
        price = bill.price(request.model)
        if price is None or plan.cost_usd is None:
            plan.cost_usd = None
        else:
            plan.cost_usd += price.most_usd(prompt, completion, batch=bill.batch)


def _stand_in(key: str, request: ApiRequest) -> ApiReply:
    """Return a reply of the longest length, each text another one."""
    length = BYTES_A_TOKEN * most_completion_tokens(request) // request.num_choices
    texts = [f"{key[:16]} {index} ".ljust(length, "x") for index in range(request.num_choices)]
    return ApiReply(
        key=key,
        outcome=Outcome.OK,
        reason="dry run",
        choices=tuple(Choice(text=text, finish_reason="stop") for text in texts),
        answers=({"type": "refusal"},) * len(request.body.get("questions", ())),
    )
