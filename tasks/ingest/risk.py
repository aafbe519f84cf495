"""Choice situations: the option of a risk-averse agent against that of a risk-neutral one.

Three shapes are read: rows with one option each, several for one situation, with further spellings of
the labels; rows with one option each and its type, prizes and probabilities, made for evaluation; and
rows with one situation each, with reasoned answers. Chosen is the option that is best under u(w) =
1 - exp(-0.01 w), rejected the one with the highest expected value, w the prize in US dollars. Only
strict disagreements are kept: each agent has one best option, and they differ.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest import risk_evaluation, risk_options, risk_table
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record, example_of, fault_of, refuse
from tasks.ingest.risk_groups import Collapsed
from tasks.ingest.risk_sample import draw_situations

SHAPES = (risk_options.SHAPE, risk_table.SHAPE, risk_evaluation.SHAPE)
REASONED_SHAPES = (risk_table.SHAPE,)
LABELER = "cara-against-linear"
NO_REASONS = "no reasoned answer"


def risk_rows(records: Iterable[Record], params: IngestParams) -> Iterator[Example | Refusal]:
    """Yield the two answers of each situation, or a refusal of each of its rows.

    Answers begin with the space that follows `Assistant:`. Rows with one option are held until the
    end of the file, because they may be anywhere in it. With `sample_size` situations that are not
    drawn are not yielded: their rows are neither kept nor refused nor duplicates.
    """
    outcomes = _outcomes(records, params)
    if params.sample_size:
        return draw_situations(outcomes, params.sample_size, params.seed)
    return outcomes


def _outcomes(records: Iterable[Record], params: IngestParams) -> Iterator[Example | Refusal]:
    reasoned = params.risk_answers == "reasoned"
    options: list[Record] = []
    typed_options: list[Record] = []
    for record in records:
        fault = _fault(record)
        if fault:
            yield refuse(record, params.source, fault)
        elif "correct_label" in record.values:
            options.append(record)
        elif "option_type" in record.values:
            typed_options.append(record)
        elif "chosen_full" in record.values:
            situation = risk_table.situation_of_row(record, reasoned=reasoned)
            yield from _outcome(Collapsed((record,), situation), params)
        else:
            yield refuse(record, params.source, "no label")
    collapsed = (
        *risk_options.collapse_options(options),
        *risk_evaluation.collapse_evaluation(typed_options),
    )
    for rows in collapsed:
        yield from _outcome(replace(rows, situation=NO_REASONS) if reasoned else rows, params)


def _fault(record: Record) -> str:
    """Return why a row cannot be used: its prompt is no text, or a text is not valid."""
    texts = [name for name, value in record.values.items() if isinstance(value, str)]
    return fault_of(record, ("prompt_text", *texts))


def _outcome(collapsed: Collapsed, params: IngestParams) -> Iterator[Example | Refusal]:
    first, *others = collapsed.records
    situation = collapsed.situation
    if isinstance(situation, str):
        for record in collapsed.records:
            yield refuse(record, params.source, situation)
        return
    yield example_of(
        first,
        params.source,
        (Message("user", situation.prompt_text),),
        chosen=situation.chosen,
        rejected=situation.rejected,
        labeler=LABELER,
        meta=situation.meta,
        more_origins=tuple(record.origin for record in others),
    )
