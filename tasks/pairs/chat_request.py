"""A prompt as a call of a chat model."""

from collections.abc import Sequence
from typing import Any

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.judging.data_fence import is_text
from tasks.pairs.continuation import continuation_turn
from tasks.sampling.api.params import ChatParams
from tasks.sampling.api.request import ApiRequest

ROLES = ("system", "user", "assistant")
_OURS = ("messages", "model", "n", "stream")
"""Fields that `extra` must not have: they say what is asked for and how the reply is read."""
_SEEDS = 2**31


def chat_request(
    prompt: Prompt,
    model: str,
    chat: ChatParams,
    *,
    system: str = "",
    sample_index: int = 0,
    num_choices: int = 1,
) -> ApiRequest:
    """Return the call that asks a model to answer a prompt.

    Raises:
        InputError: as `chat_messages` and `message_request`.
    """
    return message_request(
        chat_messages(prompt, system),
        model,
        chat,
        sample_index=sample_index,
        num_choices=num_choices,
    )


def message_request(
    messages: Sequence[Message],
    model: str,
    chat: ChatParams,
    *,
    sample_index: int = 0,
    num_choices: int = 1,
) -> ApiRequest:
    """Return the call with these messages; what `chat` leaves empty is not sent.

    A seed is sent with the sample index added, because a server that honours it would give every
    later draw the same text. `extra.max_tokens` is for servers that do not know its newer name, and
    takes its place.

    Raises:
        InputError: `extra` has a field that is ours.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in messages],
        "max_completion_tokens": chat.max_completion_tokens,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "seed": None if chat.seed is None else (chat.seed + sample_index) % _SEEDS,
        "n": num_choices if num_choices > 1 else None,
    }
    _check_extra(chat)
    if "max_tokens" in chat.extra:
        del body["max_completion_tokens"]
    sent = {name: value for name, value in body.items() if value is not None}
    return ApiRequest(body=sent | chat.extra, sample_index=sample_index)


def chat_messages(prompt: Prompt, system: str = "") -> tuple[Message, ...]:
    """Return the turns of a prompt, with `system` before what its own system turn says.

    A text to be continued becomes a user turn that asks for the continuation.

    Raises:
        InputError: no turns, or a role that chat models do not have.
    """
    turns = prompt.messages
    if is_text(prompt):
        turns = (Message("user", continuation_turn(turns[0].content)),)
    roles = [turn.role for turn in turns]
    if not roles or not set(roles) <= set(ROLES):
        raise InputError(
            f"prompt {prompt.prompt_id} ({prompt.origin}) with the roles {roles} cannot be sent to "
            f"a chat model; use {', '.join(ROLES)} turns, or exactly one message of role text"
        )
    if not system:
        return turns
    if roles[0] == "system":
        return (Message("system", f"{system}\n\n{turns[0].content}"), *turns[1:])
    return (Message("system", system), *turns)


def _check_extra(chat: ChatParams) -> None:
    taken = sorted(set(_OURS) & set(chat.extra))
    if taken:
        raise InputError(
            f"chat.extra has {', '.join(taken)}, which the method itself decides; leave it out. "
            "The model and the number of answers have parameters of their own"
        )
