"""Risk rows with one option each, its prizes and its type, as in the evaluation sets."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tasks.ingest.record import Record
from tasks.ingest.risk_groups import Collapsed, collapse_rows
from tasks.ingest.risk_situation import StatedSituation
from tasks.ingest.risk_values import labels_of, lotteries_of, text_of

SHAPE = (
    "situation_id",
    "option_index",
    "option_type",
    "prizes_display",
    "probs_percent",
    "prompt_text",
    "CARA_correct_labels",
    "linear_correct_labels",
)
_AGREED = ("CARA_correct_labels", "linear_correct_labels", "num_options")


def collapse_evaluation(records: Iterable[Record]) -> Iterator[Collapsed]:
    """Yield one situation for all rows with the same id and prompt, one row for each option."""
    return collapse_rows(records, _AGREED, _state)


def _state(rows: tuple[Record, ...]) -> StatedSituation | str:
    options = _in_order(rows)
    if isinstance(options, str):
        return options
    lotteries = lotteries_of(
        (option.get("prizes_display"), option.get("probs_percent")) for option in options
    )
    if isinstance(lotteries, str):
        return lotteries
    values = rows[0].values
    return StatedSituation(
        situation_id=text_of(values.get("situation_id")),
        prompt_text=text_of(values["prompt_text"]),
        cara_labels=labels_of(values.get("CARA_correct_labels")),
        linear_labels=labels_of(values.get("linear_correct_labels")),
        lotteries=lotteries,
        option_types=tuple(text_of(option.get("option_type")) for option in options),
        num_options=len(options),
    )


def _in_order(rows: tuple[Record, ...]) -> list[Mapping[str, Any]] | str:
    """Return one row for each option by its index, or why that cannot be; repeats are equal."""
    by_index: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        index = text_of(row.values.get("option_index"))
        if by_index.setdefault(index, row.values) != row.values:
            return "rows of the situation disagree on an option"
    stated = text_of(rows[0].values.get("num_options"))
    num_options = int(stated) if stated.isdecimal() else len(by_index)
    indices = [str(index) for index in range(len(by_index))]
    if num_options != len(by_index) or set(indices) != set(by_index):
        return "rows of some options are missing"
    return [by_index[index] for index in indices]
