"""What /decisions answers: probabilities for predicates, choices and scores."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from tests.fakes.api_chat import Json, num_words, text_of

Decide = Callable[[Json], "Json | Sequence[Json]"]
"""From the body of a call to its answers in the order of the questions, or to the whole reply."""


def decide_by_digest(body: Json) -> list[Json]:
    """Return an answer for each question: arbitrary, but always the same for the same input."""
    return [_answer(question, body["input"]) for question in body["questions"]]


def choice_answer(question: Json, probabilities: Sequence[float]) -> Json:
    """Return the answer to a choice question whose options have these probabilities, in order."""
    values = [choice["value"] for choice in question["choices"]]
    pairs = zip(values, probabilities, strict=True)
    rows = [{"value": value, "probability": probability} for value, probability in pairs]
    best = max(rows, key=lambda row: row["probability"])
    return {
        "type": "choice",
        "name": question.get("name"),
        "choice": best["value"],
        "confidence": best["probability"],
        "probabilities": rows,
    }


def decision(body: Json, decide: Decide) -> Json:
    """Return the whole reply to a call."""
    said = decide(body)
    if isinstance(said, dict):
        return {**_envelope(body, said.get("answers", [])), **said}
    return _envelope(body, list(said))


def _answer(question: Json, asked: Any) -> Json:
    kind, name = question["type"], question.get("name")
    if kind == "predicate":
        return {"type": kind, "name": name, "probability": _shares(question, asked, 2)[0]}
    if kind == "choice":
        return choice_answer(question, _shares(question, asked, len(question["choices"])))
    if kind != "score":
        raise ValueError(f"question type {kind!r} is none of predicate, choice, score")
    shares = _shares(question, asked, len(question["levels"]))
    rows = [
        {"label": level["label"], "value": value, "probability": share}  # levels count from 0
        for value, (level, share) in enumerate(zip(question["levels"], shares, strict=True))
    ]
    return {
        "type": kind,
        "name": name,
        "score": sum(row["value"] * row["probability"] for row in rows),
        "confidence": max(shares),
        "probabilities": rows,
    }


def _shares(question: Json, asked: Any, num: int) -> list[float]:
    digest = hashlib.shake_128(orjson.dumps([question, asked], option=orjson.OPT_SORT_KEYS))
    weights = [1 + byte for byte in digest.digest(num)]
    return [weight / sum(weights) for weight in weights]


def _envelope(body: Json, answers: list[Json]) -> Json:
    asked = body["input"]
    messages = [asked] if isinstance(asked, str) else [item.get("content") for item in asked]
    texts = [*messages, *(question["instructions"] for question in body["questions"])]
    read, said = sum(num_words(text_of(text)) for text in texts), len(answers)
    usage = {
        "input_tokens": read,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + said,
    }
    return {"model": body["model"], "answers": answers, "usage": usage}
