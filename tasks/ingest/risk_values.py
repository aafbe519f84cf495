"""What stands in the cells of risk rows, whatever file they came from."""

from collections.abc import Iterable
from typing import Any

import orjson

from tasks.ingest.risk_utility import Lottery, lottery_fault


def text_of(value: Any) -> str:
    """Return a cell as a CSV would hold it: TRUE for true, 2 for 2.0, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def labels_of(value: Any) -> tuple[str, ...]:
    """Return labels from a list, a JSON list as text, a comma-separated text or one label."""
    if isinstance(value, str):
        text = value.strip()
        try:
            read = orjson.loads(text) if text.startswith("[") else text.split(",")
        except orjson.JSONDecodeError:
            read = text.strip("[]").split(",")
    else:
        read = value if isinstance(value, list) else [value]
    return unique(text_of(label).strip("\"'") for label in read)


def unique(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the labels in order, without repeats and empty ones."""
    return tuple(dict.fromkeys(label for label in labels if label))


def numbers_of(value: Any) -> tuple[float, ...] | None:
    """Return numbers from a list or a JSON list as text, None where it is no list of numbers."""
    read = list_of(value)
    if read is None or not all(type(number) in (int, float) for number in read):
        return None
    return tuple(map(float, read))


def list_of(value: Any) -> list[Any] | None:
    """Return a list, also from JSON as text, None where it is none."""
    try:
        read = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return None
    return read if isinstance(read, list) else None


def lotteries_of(cells: Iterable[tuple[Any, Any]]) -> tuple[Lottery, ...] | str:
    """Return the options from cells with prizes and percents, or why one of them is none."""
    lotteries: list[Lottery] = []
    for prizes_cell, percents_cell in cells:
        prizes, percents = numbers_of(prizes_cell), numbers_of(percents_cell)
        if prizes is None or percents is None:
            return "prizes or probabilities are no numbers"
        fault = lottery_fault(prizes, percents)
        if fault:
            return fault
        lotteries.append(Lottery(prizes, percents))
    return tuple(lotteries)
