"""Risk rows with one situation each, with reasoned answers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tasks.ingest.record import Record
from tasks.ingest.risk_prompt import labels_in_style
from tasks.ingest.risk_situation import Situation, StatedSituation, check_situation
from tasks.ingest.risk_values import labels_of, list_of, lotteries_of, text_of, unique

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
    row = {name: text_of(record.values.get(name)) for name in (*SHAPE, "options_json")}
    if _failed_its_check(record.values):
        return "the chosen answer failed its check"
    options = _options(row["options_json"])
    stated = options if isinstance(options, str) else _state(row, options)
    if isinstance(stated, str):
        return stated
    situation = check_situation(stated)
    if isinstance(situation, str) or not reasoned:
        return situation
    if not (row["chosen_full"] and row["rejected_full"]):
        return "no reasoned answer"
    return replace(situation, chosen=f" {row['chosen_full']}", rejected=f" {row['rejected_full']}")


def _failed_its_check(values: Mapping[str, Any]) -> bool:
    """Return whether the file says so, or counts as many failures as attempts."""
    attempts = text_of(values.get("chosen_attempts"))
    failures = text_of(values.get("chosen_failures"))
    counted = attempts.isdecimal() and failures.isdecimal() and int(attempts) > 0
    is_ok = text_of(values.get("chosen_ok")).upper() == "TRUE"
    return not is_ok or (counted and int(failures) >= int(attempts))


def _options(text: str) -> list[dict[str, Any]] | str:
    """Return the listed options, none where the file lists none, or why they cannot be read."""
    options = list_of(text) if text else []
    if options is None or not all(isinstance(option, dict) for option in options):
        return "options_json cannot be read"
    return options


def _state(row: Mapping[str, str], options: list[dict[str, Any]]) -> StatedSituation | str:
    lotteries = lotteries_of(
        (option.get("prizes"), option.get("probabilities_percent")) for option in options
    )
    if isinstance(lotteries, str):
        return lotteries
    if not row["num_options"].isdecimal():
        return "num_options is no number"
    cara = labels_of(row["CARA_correct_labels"])
    linear = labels_of(row["linear_correct_labels"])
    chosen, rejected = row["chosen_expected"], row["rejected_expected"]
    if not chosen or not rejected:
        return "no label"
    if chosen not in cara:
        return "the chosen label is not the risk-averse one"
    if rejected not in linear:
        return "the rejected label is not the risk-neutral one"
    return StatedSituation(
        situation_id=row["situation_id"],
        prompt_text=row["prompt_text"],
        cara_labels=unique((*cara, *_marked(options, "is_best_cara", cara))),
        linear_labels=unique((*linear, *_marked(options, "is_best_linear", cara))),
        lotteries=lotteries,
        num_options=int(row["num_options"]),
    )


def _marked(options: list[dict[str, Any]], mark: str, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels of options that are marked as best.

    The columns of labels name one option even where two are marked, because their expected values
    were equal after rounding.
    """
    labels = labels_in_style(named[0], len(options))
    pairs = zip(labels, options, strict=False)
    return tuple(label for label, option in pairs if option.get(mark) is True)
