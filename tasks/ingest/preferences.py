"""Your own comparisons: rows of prompt, chosen and rejected, under any column names.

Prompt and answers are texts or lists of messages. Where chosen and rejected are whole conversations
(the implicit prompt of the TRL library) the turns that they share are the prompt, and a prompt
column may be absent. Texts that are transcripts with `Human:` and `Assistant:` inside are left as
they are: source `hh-rlhf` takes such transcripts apart.
"""

import math
from collections.abc import Iterable, Iterator

from storage.input_error import InputError
from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from tasks.ingest.columns import Columns
from tasks.ingest.conversation import (
    Comparison,
    UnusableRowError,
    answer_in,
    compare_conversations,
    compared,
    listed_in,
    outcomes,
    prompt_in,
    text_in,
)
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record, example_of

COLUMNS = ("prompt", "chosen", "rejected")
OPTIONAL = ("margin", "labeler")
"""Read only if the column map names them: a column of that name may mean anything."""
LABELER = "preferences"
_FLAGS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


def shapes(params: IngestParams) -> tuple[Columns, ...]:
    """Return the possible required columns of the file.

    Raises:
        InputError: the column map names something that these rows do not have.
    """
    named = columns_of(params, COLUMNS, OPTIONAL)
    explicit = tuple(named.values())
    implicit = tuple(column for name, column in named.items() if name != "prompt")
    return (explicit,) if "prompt" in params.columns else (explicit, implicit)


def columns_of(params: IngestParams, names: Columns, optional: Columns = ()) -> dict[str, str]:
    """Return the column in the file of each name; optional ones only if the column map has them.

    Raises:
        InputError: the column map has other names.
    """
    unknown = sorted(set(params.columns) - {*names, *optional})
    if unknown:
        raise InputError(
            f"columns maps {', '.join(map(repr, unknown))}, but source {params.source!r} has "
            f"{', '.join((*names, *optional))}; write them before the colon and the column of the "
            "file after it"
        )
    known = (*names, *(name for name in optional if name in params.columns))
    return {name: params.columns.get(name, name) for name in known}


def preferences_rows(
    records: Iterable[Record], params: IngestParams
) -> Iterator[Example | Refusal]:
    """Yield a prompt with the chosen and the rejected answer, or a refusal, per row."""
    named = columns_of(params, COLUMNS, OPTIONAL)

    def example(record: Record) -> Example:
        found = _comparison(record, named, params.prompt_role)
        return example_of(
            record,
            params.source,
            found.messages,
            chosen=found.chosen,
            rejected=found.rejected,
            labeler=_labeler(record, named),
            margin=_margin(record, named),
        )

    return outcomes(records, params.source, example)


def score_in(record: Record, column: str) -> float:
    """Return a finite number, which may stand as text.

    Raises:
        UnusableRowError: there is none.
    """
    value = record.values.get(column)
    if value is None:
        raise UnusableRowError(f"no value in column {column}")
    try:
        score = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if not math.isfinite(score):
        raise UnusableRowError(f"column {column} is no number")
    return score


def flag_in(record: Record, column: str) -> bool:
    """Return a truth value: a boolean, 0 or 1, or any of them as text.

    Raises:
        UnusableRowError: it is something else.
    """
    value = record.values.get(column)
    if value is None:
        raise UnusableRowError(f"no value in column {column}")
    flag = _FLAGS.get(str(value).strip().casefold())
    if flag is None:
        raise UnusableRowError(f"column {column} is neither 0 nor 1")
    return flag


def _comparison(record: Record, named: dict[str, str], role: str) -> Comparison:
    columns = (named["chosen"], named["rejected"])
    prompt, chosen, rejected = (record.values.get(named[name]) for name in COLUMNS)
    ours, theirs = listed_in(chosen) or [], listed_in(rejected) or []
    is_absent = prompt is None or prompt == ""
    if is_absent or (len(ours) > 1 and len(theirs) > 1):
        if not ours or not theirs:
            raise UnusableRowError(f"no value in column {named['prompt']}")
        whole = compare_conversations(ours, theirs, columns)
        if not is_absent and not _is_asked(prompt, named["prompt"], whole):
            raise UnusableRowError(
                f"column {named['prompt']} is not the prompt of the conversations"
            )
        return whole
    messages = prompt_in(prompt, named["prompt"], role)
    answers = [
        answer_in(answer, column, messages)
        for answer, column in zip((chosen, rejected), columns, strict=True)
    ]
    return compared(answers[0], answers[1], messages)


def _is_asked(prompt: object, column: str, whole: Comparison) -> bool:
    """Return whether a prompt is what conversations answer, or one of the user's turns in them."""
    given = prompt_in(prompt, column, "user")
    asked = [turn.content.strip() for turn in whole.messages if turn.role == "user"]
    return given == whole.messages or (len(given) == 1 and given[0].content.strip() in asked)


def _labeler(record: Record, named: dict[str, str]) -> str:
    column = named.get("labeler")
    return text_in(record.values.get(column), column) if column else LABELER


def _margin(record: Record, named: dict[str, str]) -> float | None:
    column = named.get("margin")
    return score_in(record, column) if column else None
