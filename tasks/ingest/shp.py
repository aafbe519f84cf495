"""Stanford Human Preferences: two comments to a Reddit post, the one with more votes preferred.

On the hub: stanfordnlp/SHP. Source: Ethayarajh et al. 2022, arXiv 2110.08420. As in the original
DPO code only pairs whose scores are far enough apart are used. Scores below 1 count as 1 there, so
that the ratio exists.
"""

from collections.abc import Iterable, Iterator

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.conversation import UnusableRowError, answer_in, compared, outcomes, text_in
from tasks.ingest.params import IngestParams
from tasks.ingest.preferences import flag_in, score_in
from tasks.ingest.record import Record, example_of

SHAPES = (("history", "human_ref_A", "human_ref_B", "labels", "score_A", "score_B"),)
LABELER = "stanfordnlp/SHP"


def shp_rows(records: Iterable[Record], params: IngestParams) -> Iterator[Example | Refusal]:
    """Yield a post with the preferred and the other comment, or a refusal, per row.

    A pair below `min_score_ratio` becomes the bare post, without answers: it is a usable prompt
    and no fault of the row. Several such pairs of one post are duplicates of each other. `margin`
    is the difference of the scores; `agreement` stays null, because votes are cast on each comment
    alone, many more readers see one than the other, and nobody compared the two.
    """
    return outcomes(records, params.source, lambda record: _example(record, params))


def _example(record: Record, params: IngestParams) -> Example:
    values = record.values
    messages = (Message("user", text_in(values.get("history"), "history")),)
    first, second = (
        answer_in(values.get(column), column, messages) for column in ("human_ref_A", "human_ref_B")
    )
    prefers_first = flag_in(record, "labels")
    scores = score_in(record, "score_A"), score_in(record, "score_B")
    better, worse = scores if prefers_first else scores[::-1]
    if better <= worse:
        is_tie = better == worse
        raise UnusableRowError(
            "tie: both comments have the same score" if is_tie else "label contradicts the scores"
        )
    chosen, rejected = (first, second) if prefers_first else (second, first)
    pair = compared(chosen, rejected, messages)
    if max(better, 1) < params.min_score_ratio * max(worse, 1):
        return example_of(record, params.source, messages)
    return example_of(
        record,
        params.source,
        messages,
        chosen=pair.chosen,
        rejected=pair.rejected,
        labeler=LABELER,
        margin=better - worse,
    )
