"""Risk rows with one option each, collapsed into situations."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tasks.ingest.record import Record, fault_of
from tasks.ingest.risk_situation import Situation, labels_of, options_in, unique

SHAPE = (
    "situation_id",
    "prompt_text",
    "correct_label",
    "incorrect_label",
    "bad_correct_answers",
    "bad_incorrect_answers",
)


@dataclass(frozen=True, slots=True)
class Collapsed:
    """Rows of one situation, and the situation or the reason why they give none."""

    records: tuple[Record, ...]
    situation: Situation | str


def collapse_options(records: Iterable[Record]) -> Iterator[Collapsed]:
    """Yield one situation for all rows with the same id and the same prompt.

    All rows of one prompt have to agree on both labels, whatever their id. An id over two prompts
    names two situations: the published file joins two sets whose ids overlap.
    """
    by_prompt: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        fault = fault_of(record, ("prompt_text",))
        if fault:
            yield Collapsed((record,), fault)
        else:
            by_prompt[record.values["prompt_text"]].append(record)
    for prompt_text, rows in by_prompt.items():
        if len({_labels(row) for row in rows}) > 1:
            yield Collapsed(tuple(rows), "rows of the situation disagree on its labels")
            continue
        by_id: dict[str, list[Record]] = defaultdict(list)
        for row in rows:
            by_id[str(row.values.get("situation_id"))].append(row)
        for situation_id, own in by_id.items():
            yield Collapsed(tuple(own), _situation(situation_id, prompt_text.strip(), own))


def _labels(row: Record) -> tuple[str, str]:
    chosen, rejected = row.values.get("correct_label"), row.values.get("incorrect_label")
    return (
        "" if chosen is None else str(chosen).strip(),
        "" if rejected is None else str(rejected).strip(),
    )


def _situation(situation_id: str, prompt_text: str, rows: Sequence[Record]) -> Situation | str:
    chosen, rejected = _labels(rows[0])
    options = options_in(prompt_text)
    if not prompt_text:
        return "empty prompt"
    if not chosen or not rejected:
        return "no label"
    if chosen == rejected:
        return "tie: the chosen label is also rejected"
    if options and not {chosen, rejected} <= set(options):
        return "label is none of the options"
    return Situation(
        situation_id=situation_id,
        prompt_text=prompt_text,
        chosen_labels=_spellings(chosen, "bad_correct_answers", rows),
        rejected_labels=_spellings(rejected, "bad_incorrect_answers", rows),
        num_options=max(len(options), 2),
        chosen=f" {chosen}",
        rejected=f" {rejected}",
    )


def _spellings(label: str, column: str, rows: Sequence[Record]) -> tuple[str, ...]:
    others = [text for row in rows for text in labels_of(row.values.get(column))]
    return unique((label, *others))
