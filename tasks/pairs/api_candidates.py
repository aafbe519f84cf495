"""Several answers of one API model to each prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from tasks.pairs.api_completion import api_completion, policy_name
from tasks.pairs.chat_request import chat_request
from tasks.pairs.fault import Fault, fault_of
from tasks.progress import Progress, silent
from tasks.sampling.api.api import Api
from tasks.sampling.api.params import ChatParams
from tasks.sampling.api.reply import ApiReply, Outcome
from tasks.sampling.api.request import ApiRequest


@dataclass(frozen=True, slots=True)
class Candidates:
    """Answers, and the calls that brought none; both in the order of the prompts."""

    completions: tuple[Completion, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Call:
    """A call for texts whose sample indices begin at `first_index`."""

    prompt: Prompt
    request: ApiRequest
    first_index: int = 0


def api_candidates(
    api: Api,
    model: str,
    prompts: Sequence[Prompt],
    *,
    num_samples: int,
    chat: ChatParams,
    system: str = "",
    policy: str | None = None,
    progress: Progress = silent,
) -> Candidates:
    """Return `num_samples` answers to each prompt, or the faults in their place.

    All answers to a prompt are asked for in one call, so that the prompt is billed once. Where a
    server ignores `n`, refuses it, or withholds some of the texts, each missing one is then asked
    for alone.

    Raises:
        InputError: `num_samples` is below 1, or as `chat_request`.
    """
    if num_samples < 1:
        raise InputError(f"num_samples is {num_samples}; ask for at least 1 answer per prompt")
    calls = [
        _Call(prompt, chat_request(prompt, model, chat, system=system, num_choices=num_samples))
        for prompt in prompts
    ]
    first = list(zip(calls, api.ask([call.request for call in calls], progress), strict=True))
    singles = [
        _Call(
            call.prompt, chat_request(call.prompt, model, chat, system=system, sample_index=at), at
        )
        for call, reply in first
        if reply.choices or _refuses_several(call, reply)  # otherwise it is the fault that counts
        for at in range(len(reply.choices), num_samples)
    ]
    asked = [(call, reply) for call, reply in first if not _refuses_several(call, reply)]
    if singles:
        replies = api.ask([call.request for call in singles], progress)
        asked += zip(singles, replies, strict=True)
    return _candidates(prompts, asked, policy or policy_name(model))


def _refuses_several(call: _Call, reply: ApiReply) -> bool:
    """Tell whether a server may have refused the call for asking for more than one text."""
    return reply.outcome is Outcome.BAD_REQUEST and call.request.num_choices > 1


def _candidates(
    prompts: Sequence[Prompt], asked: Sequence[tuple[_Call, ApiReply]], policy: str
) -> Candidates:
    completions: dict[str, list[Completion]] = {prompt.prompt_id: [] for prompt in prompts}
    faults: dict[str, list[Fault]] = {prompt.prompt_id: [] for prompt in prompts}
    for call, reply in asked:
        if not reply.choices:
            faults[call.prompt.prompt_id].append(fault_of(call.prompt, reply))
        for at, choice in enumerate(reply.choices, start=call.first_index):
            answer = api_completion(
                call.prompt, call.request, reply, choice, policy=policy, sample_index=at
            )
            completions[call.prompt.prompt_id].append(answer)
    return Candidates(
        completions=tuple(chain.from_iterable(completions.values())),
        faults=tuple(chain.from_iterable(faults.values())),
    )
