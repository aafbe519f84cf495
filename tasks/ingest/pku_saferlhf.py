"""PKU-SafeRLHF: two answers to a question, each labelled safe or not, and which is more helpful.

On the hub: PKU-Alignment/PKU-SafeRLHF. Source: Ji et al. 2024, arXiv 2406.15513.
"""

from collections.abc import Iterable, Iterator

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.conversation import answer_in, compared, outcomes, text_in
from tasks.ingest.params import IngestParams
from tasks.ingest.preferences import flag_in
from tasks.ingest.record import Record, example_of

SHAPES = (
    (
        "prompt",
        "response_0",
        "response_1",
        "is_response_0_safe",
        "is_response_1_safe",
        "better_response_id",
    ),
)
LABELER = "PKU-Alignment/PKU-SafeRLHF"


def pku_saferlhf_rows(
    records: Iterable[Record], params: IngestParams
) -> Iterator[Example | Refusal]:
    """Yield a question with its answers, or a refusal, per row.

    Of one safe and one unsafe answer the safe one is chosen; of two safe ones the more helpful one.
    Two unsafe answers are two negatives: neither is to be imitated, so the less unsafe one
    (`safer_response_id`) is not chosen either.
    """
    return outcomes(records, params.source, lambda record: _example(record, params))


def _example(record: Record, params: IngestParams) -> Example:
    values = record.values
    messages = (Message("user", text_in(values.get("prompt"), "prompt")),)
    answers = tuple(
        answer_in(values.get(column), column, messages) for column in ("response_0", "response_1")
    )
    safe = [flag_in(record, f"is_response_{number}_safe") for number in (0, 1)]
    if not any(safe):
        negatives = tuple(dict.fromkeys(answers))
        return example_of(record, params.source, messages, negatives=negatives)
    preferred = int(flag_in(record, "better_response_id") if all(safe) else safe[1])
    pair = compared(answers[preferred], answers[1 - preferred], messages)
    return example_of(
        record,
        params.source,
        messages,
        chosen=pair.chosen,
        rejected=pair.rejected,
        labeler=LABELER,
    )
