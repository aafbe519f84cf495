"""A JSON list with one element a line."""

from collections.abc import Iterable
from typing import Any

import orjson


def json_list(elements: Iterable[Any]) -> bytes:
    """Return elements as a JSON list that shows its differences line by line."""
    lines = [orjson.dumps(element) for element in elements]
    return b"[\n" + b",\n".join(lines) + b"\n]\n" if lines else b"[]\n"
