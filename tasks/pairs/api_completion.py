"""What came of a call that was to bring an answer."""

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from tasks.pairs.continuation import as_answer
from tasks.pairs.fault import Fault, fault_of
from tasks.sampling.api.reply import ApiReply, Choice
from tasks.sampling.api.request import ApiRequest

_SERVERS_DEFAULT = 1.0


def policy_name(model: str) -> str:
    """Return the policy id of a model behind an API."""
    return f"llm:{model}"


def api_completion(
    prompt: Prompt,
    request: ApiRequest,
    reply: ApiReply,
    choice: Choice,
    *,
    policy: str,
    sample_index: int,
) -> Completion:
    """Return one text of a reply as a completion of the prompt.

    Servers count tokens for all texts of a reply together; each text gets an equal share. A
    temperature that was not sent is taken to be 1, the default of the servers known.
    """
    temperature = request.body.get("temperature")
    return Completion(
        prompt_id=prompt.prompt_id,
        policy=policy,
        text=as_answer(prompt, choice.text),
        sample_index=sample_index,
        temperature=_SERVERS_DEFAULT if temperature is None else float(temperature),
        seed=int(request.body.get("seed") or 0),
        finish_reason="length" if choice.finish_reason == "length" else "stop",
        num_tokens=reply.completion_tokens // len(reply.choices),
    )


def answer_or_fault(
    prompt: Prompt, request: ApiRequest, reply: ApiReply, *, sample_index: int, step: str
) -> Completion | Fault:
    """Return the first text of a reply as a completion, or the fault of the call of that step."""
    if not reply.choices:
        return fault_of(prompt, reply, step)
    return api_completion(
        prompt,
        request,
        reply,
        reply.choices[0],
        policy=policy_name(request.model),
        sample_index=sample_index,
    )
