"""Answers that nobody wants, under any column names: prompts with bare negatives.

A row is {prompt, response}, {prompt, rejected} or {prompt, responses, preferred}, where `preferred`
is the index of the wanted response, from 0, or null if there is none. Prompt and responses are
texts or lists of messages; in a CSV the list of responses is written as JSON.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.columns import Columns
from tasks.ingest.conversation import UnusableRowError, answer_in, outcomes, prompt_in
from tasks.ingest.params import IngestParams
from tasks.ingest.preferences import columns_of
from tasks.ingest.record import Record, example_of

COLUMNS = ("prompt", "response", "rejected", "responses", "preferred")
_KINDS = ("response", "rejected", "responses")
_INDEX = re.compile(r"([0-9]{1,9})(\.0)?")  # sheets hold whole numbers as 1.0


def shapes(params: IngestParams) -> tuple[Columns, ...]:
    """Return the possible required columns of the file.

    Raises:
        InputError: the column map names something that these rows do not have.
    """
    named = columns_of(params, COLUMNS)
    kinds = (("response",), ("rejected",), ("responses", "preferred"))
    return tuple(tuple(named[name] for name in ("prompt", *kind)) for kind in kinds)


def negatives_rows(records: Iterable[Record], params: IngestParams) -> Iterator[Example | Refusal]:
    """Yield a prompt with its unwanted responses, or a refusal, per row.

    Every response but the preferred one is a negative, each text once. A row is kept as a whole: one
    response that cannot be used refuses it. The preferred response itself becomes nothing.
    """
    named = columns_of(params, COLUMNS)

    def example(record: Record) -> Example:
        messages = prompt_in(
            record.values.get(named["prompt"]), named["prompt"], params.prompt_role
        )
        negatives = tuple(dict.fromkeys(_negatives(record, named, messages)))
        return example_of(record, params.source, messages, negatives=negatives)

    return outcomes(records, params.source, example)


def _negatives(
    record: Record, named: dict[str, str], messages: tuple[Message, ...]
) -> Iterator[str]:
    given = [name for name in _KINDS if not _is_absent(record.values.get(named[name]))]
    if len(given) != 1:
        several = "more than one of response, rejected and responses"
        raise UnusableRowError(several if given else "no response")
    column = named[given[0]]
    value = record.values[column]
    if given[0] != "responses":
        yield answer_in(value, column, messages)
        return
    responses = _list_in(value, column)
    wanted = _preferred(record, named["preferred"], len(responses))
    if wanted is not None and len(responses) == 1:
        raise UnusableRowError("no response besides the preferred one")
    for index, response in enumerate(responses):
        if index == wanted:
            continue
        if wanted is not None and response == responses[wanted]:
            raise UnusableRowError("a response equals the preferred one")
        yield answer_in(response, column, messages)


def _is_absent(value: object) -> bool:
    return value is None or value == ""  # a cell of a CSV that has several of these columns


def _list_in(value: object, column: str) -> list[Any]:
    try:
        read = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, list) or not read:
        raise UnusableRowError(f"column {column} is no list with at least one response")
    return read


def _preferred(record: Record, column: str, num_responses: int) -> int | None:
    """Return the index of the preferred response, None where none is."""
    if column not in record.values:
        raise UnusableRowError(f"no column {column}; null if no response is preferred")
    text = str(record.values[column]).strip().casefold()
    if text in {"", "null", "none"}:
        return None
    number = _INDEX.fullmatch(text)
    if not number:
        raise UnusableRowError(f"column {column} is neither an index from 0 nor null")
    index = int(number[1])
    if index >= num_responses:
        raise UnusableRowError(f"column {column} is beyond the last response")
    return index
