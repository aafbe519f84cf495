"""Prompts without answers, under any column name: a text or a list of messages per row."""

from collections.abc import Iterable, Iterator

import orjson

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from tasks.ingest.columns import Columns
from tasks.ingest.conversation import UnusableRowError, outcomes, prompt_in
from tasks.ingest.params import IngestParams
from tasks.ingest.preferences import columns_of
from tasks.ingest.record import Record, example_of

COLUMNS = ("prompt",)


def shapes(params: IngestParams) -> tuple[Columns, ...]:
    """Return the required column of the file.

    Raises:
        InputError: the column map names something that these rows do not have.
    """
    return (tuple(columns_of(params, COLUMNS).values()),)


def prompt_rows(records: Iterable[Record], params: IngestParams) -> Iterator[Example | Refusal]:
    """Yield a prompt, or a refusal, per row; `meta` holds the other columns of the row."""
    column = columns_of(params, COLUMNS)["prompt"]

    def example(record: Record) -> Example:
        messages = prompt_in(record.values.get(column), column, params.prompt_role)
        return example_of(record, params.source, messages, meta=_meta(record, column))

    return outcomes(records, params.source, example)


def _meta(record: Record, column: str) -> str:
    """Return all but the prompt as a JSON object; dates and the like become texts."""
    others = {name: value for name, value in record.values.items() if name != column}
    try:
        return orjson.dumps(others, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError as error:
        raise UnusableRowError("other columns cannot be written as JSON") from error
