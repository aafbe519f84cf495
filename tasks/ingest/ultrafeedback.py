"""UltraFeedback, binarized: two conversations that differ in the last answer, scored by GPT-4.

On the hub: HuggingFaceH4/ultrafeedback_binarized, whose splits with comparisons are called
train_prefs and test_prefs. Source: Cui et al. 2023, arXiv 2310.01377.
"""

from collections.abc import Iterable, Iterator

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from tasks.ingest.conversation import UnusableRowError, compare_conversations, listed_in, outcomes
from tasks.ingest.params import IngestParams
from tasks.ingest.preferences import score_in
from tasks.ingest.record import Record, example_of

SHAPES = (("chosen", "rejected", "score_chosen", "score_rejected"),)
LABELER = "HuggingFaceH4/ultrafeedback_binarized"


def ultrafeedback_rows(
    records: Iterable[Record], params: IngestParams
) -> Iterator[Example | Refusal]:
    """Yield the shared turns with both last answers, or a refusal, per row.

    `margin` is the difference of the scores (1 to 10); rows without one are ties.
    """
    return outcomes(records, params.source, lambda record: _example(record, params))


def _example(record: Record, params: IngestParams) -> Example:
    chosen, rejected = (_messages(record, column) for column in ("chosen", "rejected"))
    pair = compare_conversations(chosen, rejected, ("chosen", "rejected"))
    margin = score_in(record, "score_chosen") - score_in(record, "score_rejected")
    if margin == 0:
        raise UnusableRowError("tie: both answers have the same score")
    if margin < 0:
        raise UnusableRowError("chosen has a lower score than rejected")
    return example_of(
        record,
        params.source,
        pair.messages,
        chosen=pair.chosen,
        rejected=pair.rejected,
        labeler=LABELER,
        margin=margin,
    )


def _messages(record: Record, column: str) -> list[object]:
    value = record.values.get(column)
    listed = listed_in(value)
    if listed is None:
        missing = f"no value in column {column}"
        raise UnusableRowError(
            missing if value is None else f"column {column} is no list of messages"
        )
    return listed
