"""Replies under status 200 that are not what was asked for."""

from tests.fakes.api_chat import Json, cut_choice, num_choices, with_choices
from tests.fakes.api_faults import Asked, json_reply
from tests.fakes.api_http import HttpReply


def refused(asked: Asked) -> HttpReply:
    """Return a refusal in place of each text or answer."""
    if asked.is_chat:
        return _said(asked, {"content": None, "refusal": "I cannot help with that."}, "stop")
    reply = asked.good()
    answers = [{"type": "refusal", "name": one.get("name")} for one in reply["answers"]]
    return json_reply({**reply, "answers": answers})


def without_choices(asked: Asked) -> HttpReply:
    """Return an empty list of choices or answers."""
    return _first(asked, 0)


def fewer(asked: Asked) -> HttpReply:
    """Return one choice or answer fewer than were asked for."""
    most = num_choices(asked.body) if asked.is_chat else len(asked.body["questions"])
    return _first(asked, most - 1)


def null_content(asked: Asked) -> HttpReply:
    """Return choices whose content is null."""
    return _said(asked, {"content": None}, "stop")


def blank_content(asked: Asked) -> HttpReply:
    """Return choices of nothing but white space."""
    return _said(asked, {"content": " \n"}, "stop")


def filtered(asked: Asked) -> HttpReply:
    """Return choices that the provider's filter withheld."""
    return _said(asked, {"content": None}, "content_filter")


def prose(asked: Asked) -> HttpReply:
    """Return an opinion in words to whoever asked for JSON."""
    return _said(asked, {"content": "Both have merit, but I lean towards the first."}, "stop")


def cut_short(asked: Asked) -> HttpReply:
    """Return texts without their second half, as if the limit of tokens had been met."""
    reply = asked.good()
    halves = [
        cut_choice(choice, len(choice["message"]["content"] or "") // 2)
        for choice in _chat_choices(asked, reply)
    ]
    return json_reply(with_choices(reply, asked.body, halves))


def _first(asked: Asked, num: int) -> HttpReply:
    reply = asked.good()
    if not asked.is_chat:
        return json_reply({**reply, "answers": reply["answers"][:num]})
    return json_reply(with_choices(reply, asked.body, reply["choices"][:num]))


def _said(asked: Asked, message: Json, finish_reason: str) -> HttpReply:
    reply = asked.good()
    choices = [
        {
            **choice,
            "message": {**choice["message"], **message},
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        for choice in _chat_choices(asked, reply)
    ]
    return json_reply(with_choices(reply, asked.body, choices))


def _chat_choices(asked: Asked, reply: Json) -> list[Json]:
    if not asked.is_chat:
        raise ValueError(
            "a fault of texts was scheduled for /decisions, whose answers have none; "
            "of those, refusal, fewer and no-choices suit both endpoints"
        )
    return list(reply["choices"])
