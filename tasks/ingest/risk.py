"""Choice situations: the option of a risk-averse agent against that of a risk-neutral one.

Two shapes are read: rows with one option each, several for one situation, with further spellings of
the labels; and rows with one situation each, with reasoned answers. Chosen is the option that is
best under u(w) = 1 - exp(-0.01 w), rejected the one with the highest expected value.
"""

from collections.abc import Iterable, Iterator

from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest import risk_options, risk_table
from tasks.ingest.answered import demonstration_of, pair_of
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Kept, Record, refuse
from tasks.ingest.risk_situation import Situation
from tasks.ingest.split import place_prompt

SHAPES = (risk_options.SHAPE, risk_table.SHAPE)
LABELER = "cara-against-linear"


def risk_rows(records: Iterable[Record], params: IngestParams) -> Iterator[Kept | Refusal]:
    """Yield a prompt, its pair and the chosen answer as a demonstration per situation, or refusals.

    Answers begin with the space that follows `Assistant:`. Rows with one option are held until the
    end of the file, because they may be anywhere in it.
    """
    reasoned = params.risk_answers == "reasoned"
    options: list[Record] = []
    for record in records:
        if "num_options" not in record.values and "chosen_full" not in record.values:
            options.append(record)
            continue
        situation = risk_table.situation_of_row(record, reasoned=reasoned)
        yield from _outcome((record,), situation, params)
    for collapsed in risk_options.collapse_options(options):
        situation = "no reasoned answer" if reasoned else collapsed.situation
        yield from _outcome(collapsed.records, situation, params)


def _outcome(
    records: tuple[Record, ...], situation: Situation | str, params: IngestParams
) -> Iterator[Kept | Refusal]:
    if isinstance(situation, str):
        for record in records:
            yield refuse(record, params.source, situation)
        return
    prompt = place_prompt(
        params,
        (Message("user", situation.prompt_text),),
        origin=records[0].origin,
        meta=situation.meta,
    )
    pair = pair_of(prompt, chosen=situation.chosen, rejected=situation.rejected, labeler=LABELER)
    yield Kept(
        prompt=prompt,
        demonstrations=(demonstration_of(prompt, situation.chosen),),
        pairs=(pair,),
        num_rows=len(records),
    )
