"""What /chat/completions answers: choices, log-probabilities and usage as OpenAI lays them out."""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

Json = dict[str, Any]
Answer = Callable[[Json], "str | Json | Sequence[str | Json]"]
"""From the body of a call to what the model says.

A text stands in all `n` choices; a list has one entry per choice. An object with `choices` is the
whole reply, whose missing fields are filled in. Any other object is a choice: `text` is short for
its message, `tops` gives the distribution in place of a token, `{"A": {"A": 0.7, "B": 0.3}}`, for
calls that ask for log-probabilities; its other fields stand as they are.
"""

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")
_WORD = re.compile(r"\S+")
_OWN_PROBABILITY = 0.9


def echo(body: Json) -> list[str | Json]:
    """Return the last user message after a number for each choice, so that all texts differ."""
    users = [message for message in body["messages"] if message["role"] == "user"]
    asked = text_of(users[-1].get("content")) if users else ""
    return [f"Echo {k + 1}: {asked}" for k in range(num_choices(body))]


def completion(body: Json, answer: Answer, *, number: int) -> Json:
    """Return the whole reply to a call."""
    said = answer(body)
    if isinstance(said, Mapping) and "choices" in said:
        return {**_envelope(body, said["choices"], number), **said}
    entries = [said] * num_choices(body) if isinstance(said, str | Mapping) else list(said)
    choices = [_choice(entry, k, body) for k, entry in enumerate(entries)]
    most_words = body.get("max_completion_tokens") or body.get("max_tokens")
    if most_words:
        choices = [_limited(choice, most_words) for choice in choices]
    return _envelope(body, choices, number)


def cut_choice(choice: Json, num_characters: int) -> Json:
    """Return the choice with the start of its text, and the tokens that lie within that."""
    message, logprobs = choice["message"], choice["logprobs"]
    cut = {
        **choice,
        "message": {**message, "content": (message["content"] or "")[:num_characters]},
        "finish_reason": "length",
    }
    if logprobs:
        ends = accumulate(len(one["token"]) for one in logprobs["content"])
        within = [
            one for one, end in zip(logprobs["content"], ends, strict=True) if end <= num_characters
        ]
        cut["logprobs"] = {**logprobs, "content": within}
    return cut


def with_choices(reply: Json, body: Json, choices: list[Json]) -> Json:
    """Return the reply with other choices, and with the usage that they make."""
    return {**reply, "choices": choices, "usage": _usage(body, choices)}


def num_choices(body: Json) -> int:
    """Return how many choices the body asks for."""
    return int(body.get("n") or 1)


def text_of(content: Any) -> str:
    """Return the text of a message's content: a string, or parts of which some are text."""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or ())


def split_tokens(text: str) -> list[str]:
    """Return words and single punctuation marks, each with the white space before it."""
    return _TOKEN.findall(text)


def _envelope(body: Json, choices: list[Json], number: int) -> Json:
    return {
        "id": f"chatcmpl-fake-{number:08d}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": choices,
        "usage": _usage(body, choices),
        "system_fingerprint": "fp_fake",
    }


def _choice(entry: str | Json, index: int, body: Json) -> Json:
    given: Json = {"text": entry} if isinstance(entry, str) else dict(entry)
    text, tops = given.pop("text", ""), given.pop("tops", {})
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}
    if body.get("logprobs"):
        num_top = int(body.get("top_logprobs") or 0)
        content = [_token(token, tops, num_top) for token in split_tokens(text)]
        choice["logprobs"] = {"content": content, "refusal": None}
    return {**choice, **given}


def _token(token: str, tops: Mapping[str, Mapping[str, float]], num_top: int) -> Json:
    here = tops.get(token.strip()) or _steep(token, num_top)
    ranked = sorted(here.items(), key=lambda pair: -pair[1])[:num_top]
    own = here.get(token.strip(), here.get(token, _OWN_PROBABILITY))
    top = [_logprob(other, probability) for other, probability in ranked]
    return {**_logprob(token, own), "top_logprobs": top}


def _steep(token: str, num_top: int) -> dict[str, float]:
    """Return 0.9 for the token; what is left is halved from one made-up token to the next."""
    rest = 1 - _OWN_PROBABILITY
    others = {f"other{k}": rest / 2**k for k in range(1, num_top)}
    return {token: _OWN_PROBABILITY, **others}


def _logprob(token: str, probability: float) -> Json:
    # -9999 is what OpenAI sends for tokens without a probability to speak of.
    logprob = math.log(probability) if probability > 0 else -9999.0
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _limited(choice: Json, most_words: int) -> Json:
    words = list(_WORD.finditer(choice["message"].get("content") or ""))
    return choice if len(words) <= most_words else cut_choice(choice, words[most_words - 1].end())


def _usage(body: Json, choices: Sequence[Json]) -> Json:
    prompt = sum(num_words(text_of(message.get("content"))) for message in body["messages"])
    messages = [choice["message"] for choice in choices if "message" in choice]
    said = sum(num_words(m.get("content") or m.get("refusal") or "") for m in messages)
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}


def num_words(text: str) -> int:
    """Return how many words white space sets apart: the fake's tokens, when it counts usage."""
    return len(text.split())
