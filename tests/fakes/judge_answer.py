"""What a server answers when it is asked to judge: read from the prompt, as a model would."""

import json
import re
from typing import Any

_FENCED = re.compile(r"BEGIN DATA.*?\n(\{.*\})\n", re.DOTALL)


def is_judge(body: dict[str, Any]) -> bool:
    """Return whether a call asks for a verdict."""
    return "impartial judge" in body["messages"][0]["content"]


def last_turn(body: dict[str, Any]) -> str:
    """Return the text of the last message."""
    return str(body["messages"][-1]["content"])


def fenced(body: dict[str, Any]) -> dict[str, Any]:
    """Return the data that a judge is shown."""
    match = _FENCED.search(last_turn(body))
    if match is None:
        raise ValueError(f"no fenced data in {last_turn(body)!r}")
    data: dict[str, Any] = json.loads(match[1])
    return data


def verdict(first: float, second: float) -> str:
    """Return the reply that prefers the answer with the higher figure, shown first or second."""
    said = "tie" if first == second else "1" if first > second else "2"
    return json.dumps({"reason": "by a figure", "verdict": said})


def write_or_prefer_longer(body: dict[str, Any]) -> Any:
    """Write texts of different lengths, and prefer the longer one as a judge."""
    if is_judge(body):
        data = fenced(body)
        return verdict(len(data["answer_1"]), len(data["answer_2"]))
    return [f"answer{' and more' * i}." for i in range(body.get("n") or 1)]


def prefer_first(_: dict[str, Any]) -> str:
    """Return the shortest verdict of a judge that always prefers what it reads first."""
    return verdict(1, 0)
