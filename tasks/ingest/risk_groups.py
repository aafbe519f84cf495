"""Rows of one situation, where a file has one row for each option."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tasks.ingest.record import Record
from tasks.ingest.risk_situation import Situation, StatedSituation, check_situation
from tasks.ingest.risk_values import text_of

Columns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collapsed:
    """Rows of one situation, and the situation or the reason why they give none."""

    records: tuple[Record, ...]
    situation: Situation | str


def collapse_rows(
    records: Iterable[Record],
    agreed: Columns,
    state: Callable[[tuple[Record, ...]], StatedSituation | str],
) -> Iterator[Collapsed]:
    """Yield one situation for all rows with the same id and the same prompt.

    All rows of one prompt have to have the same in the `agreed` columns, whatever their id. An id
    over two prompts names two situations: the published file joins two sets whose ids overlap.
    """
    by_prompt: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_prompt[text_of(record.values["prompt_text"])].append(record)
    for rows in by_prompt.values():
        if len({_cells(row, agreed) for row in rows}) > 1:
            yield Collapsed(tuple(rows), "rows of the situation disagree on its labels")
            continue
        by_id: dict[str, list[Record]] = defaultdict(list)
        for row in rows:
            by_id[text_of(row.values.get("situation_id"))].append(row)
        for own in by_id.values():
            stated = state(tuple(own))
            situation = stated if isinstance(stated, str) else check_situation(stated)
            yield Collapsed(tuple(own), situation)


def _cells(record: Record, columns: Columns) -> Columns:
    return tuple(text_of(record.values.get(column)) for column in columns)
