"""Risk rows with one option each and the labels of the best options, as in strict_disagreements."""

from collections.abc import Iterable, Iterator

from tasks.ingest.record import Record
from tasks.ingest.risk_groups import Collapsed, collapse_rows
from tasks.ingest.risk_situation import StatedSituation
from tasks.ingest.risk_values import labels_of, text_of, unique

SHAPE = (
    "situation_id",
    "prompt_text",
    "correct_label",
    "incorrect_label",
    "bad_correct_answers",
    "bad_incorrect_answers",
)


def collapse_options(records: Iterable[Record]) -> Iterator[Collapsed]:
    """Yield one situation for all rows with the same id and prompt; rows of some options suffice."""
    return collapse_rows(records, ("correct_label", "incorrect_label"), _state)


def _state(rows: tuple[Record, ...]) -> StatedSituation:
    values = rows[0].values
    return StatedSituation(
        situation_id=text_of(values.get("situation_id")),
        prompt_text=text_of(values["prompt_text"]),
        cara_labels=labels_of(values.get("correct_label")),
        linear_labels=labels_of(values.get("incorrect_label")),
        cara_spellings=_spellings("bad_correct_answers", rows),
        linear_spellings=_spellings("bad_incorrect_answers", rows),
    )


def _spellings(column: str, rows: Iterable[Record]) -> tuple[str, ...]:
    return unique(text for row in rows for text in labels_of(row.values.get(column)))
