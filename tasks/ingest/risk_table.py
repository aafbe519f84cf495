"""Risk rows with one situation each, with reasoned answers."""

from collections.abc import Mapping
from typing import Any

import orjson

from tasks.ingest.record import Record, fault_of
from tasks.ingest.risk_situation import Situation, labels_of, unique

SHAPE = (
    "situation_id",
    "num_options",
    "prompt_text",
    "chosen_full",
    "rejected_full",
    "CARA_correct_labels",
    "linear_correct_labels",
    "chosen_expected",
    "chosen_ok",
    "rejected_expected",
)


def situation_of_row(record: Record, *, reasoned: bool) -> Situation | str:
    """Return the situation of a row, with bare labels or reasoned answers, or why there is none."""
    fault = fault_of(record, SHAPE)
    row = {name: str(value).strip() for name, value in record.values.items()}
    return fault or _label_fault(row) or _situation(row, reasoned=reasoned)


def _label_fault(row: Mapping[str, str]) -> str:
    """Return why the labels of a row make no preference, empty if they do."""
    chosen, rejected = row["chosen_expected"], row["rejected_expected"]
    faults = {
        "no label": not chosen or not rejected,
        "num_options is no number": not row["num_options"].isdigit(),
        "empty prompt": not row["prompt_text"],
        "the chosen answer failed its check": _failed_its_check(row),
        "tie: the chosen label is also rejected": chosen in {rejected, *_linear_best(row)},
        "the chosen label is not the risk-averse one": (
            chosen not in labels_of(row["CARA_correct_labels"])
        ),
        "the rejected label is not the risk-neutral one": (
            rejected not in labels_of(row["linear_correct_labels"])
        ),
    }
    return next((reason for reason, holds in faults.items() if holds), "")


def _failed_its_check(row: Mapping[str, str]) -> bool:
    """Return whether the file says so, or counts as many failures as attempts."""
    attempts, failures = row.get("chosen_attempts", ""), row.get("chosen_failures", "")
    counted = attempts.isdigit() and failures.isdigit() and int(attempts) > 0
    return row["chosen_ok"].upper() != "TRUE" or (counted and int(failures) >= int(attempts))


def _linear_best(row: Mapping[str, str]) -> set[str]:
    """Return the labels that a risk-neutral agent may pick: listed, or best in the options.

    The list names one label even where two options have the same expected value.
    """
    labels = labels_of(row["linear_correct_labels"])
    start = 1 if row["chosen_expected"].isdigit() else ord("a")
    best = {
        str(start + index) if start == 1 else chr(start + index)
        for index, option in enumerate(_options(row.get("options_json", "")))
        if option.get("is_best_linear") is True
    }
    return {*labels, *best}


def _options(text: str) -> list[dict[str, Any]]:
    try:
        options = orjson.loads(text) if text else []
    except orjson.JSONDecodeError:
        return []
    return [option for option in options if isinstance(option, dict)]


def _situation(row: Mapping[str, str], *, reasoned: bool) -> Situation | str:
    chosen, rejected = row["chosen_expected"], row["rejected_expected"]
    if reasoned and not (row["chosen_full"] and row["rejected_full"]):
        return "no reasoned answer"
    return Situation(
        situation_id=row["situation_id"],
        prompt_text=row["prompt_text"],
        chosen_labels=unique((chosen, *labels_of(row["CARA_correct_labels"]))),
        rejected_labels=unique((rejected, *labels_of(row["linear_correct_labels"]))),
        num_options=int(row["num_options"]),
        chosen=f" {row['chosen_full'] if reasoned else chosen}",
        rejected=f" {row['rejected_full'] if reasoned else rejected}",
    )
