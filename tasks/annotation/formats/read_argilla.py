"""Comparisons and labels as records of Argilla.

Read are records as Argilla 2 writes them (`dataset.records.to_list()` or `to_json`), in which
`responses` has a list of {value, user_id} for each question, and those of Argilla 1, in which it is a
list of {user_id, values, status}. The texts are in `fields`: `prompt` (or `instruction`, `question`)
and two or more numbered answers.

A label question that names a field (`response_1`, `response-1`), tie, both_bad or skip, or a ranking
of the fields, says which answer is best. Where several questions do, only one called `better` counts:
which of them is meant cannot be known. `worst`, `strength` and the text of any other question (as the
note) are taken too. A response that was discarded is a skip; one that is a draft is refused. Argilla 2
exports neither status nor time, so every response counts, at a time before all others.

Annotators are called `argilla-` and the id of the user.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import SIDES, SKIP
from tasks.annotation.formats.argilla_settings import BETTER, STRENGTH, WORST
from tasks.annotation.formats.comparison_in_row import ReadItem, comparison_in_row
from tasks.annotation.formats.exported_item import unpacked
from tasks.annotation.formats.file_row import FileName, FileRow
from tasks.annotation.formats.label_in_row import UNKNOWN_TIME
from tasks.annotation.formats.row_outcome import RowOutcome, outcome_of
from tasks.annotation.formats.said import (
    Said,
    label_said,
    named_choice,
    named_strength,
    one_of,
    ours_in,
    ranked,
)
from tasks.annotation.formats.unusable_row import UnusableRowError

USER = "user_id"
"""Key of a label in the metadata: the user whose response it is."""


def is_argilla(values: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a record of Argilla."""
    return isinstance(values.get("fields"), dict)


def read_argilla(row: FileRow, file: FileName) -> RowOutcome:
    """Return the comparison of a record and the labels in its responses.

    Raises:
        UnusableRowError: the record is no comparison.
    """
    record = row.values
    block = unpacked(ours_in(record.get("metadata")))
    read = comparison_in_row({**record["fields"], **block}, row, file)
    listed = block.get("labels")
    ours = {
        str(label.get(USER)): label
        for label in (listed if isinstance(listed, list) else [])
        if isinstance(label, dict)
    }
    return outcome_of(
        read, _by_user(record.get("responses")), lambda part: _label(part, ours, read, file)
    )


def _by_user(responses: object) -> object:
    """Return responses as Argilla 1 lists them; anything that is none stays as it is."""
    if not isinstance(responses, dict):
        return responses
    said: dict[str, dict[str, Any]] = defaultdict(dict)
    rest: list[object] = []
    for question, given in responses.items():
        for one in given if isinstance(given, list) else [given]:
            if not isinstance(one, dict):
                rest.append(one)
                continue
            user = said[str(one.get(USER))]
            user |= {USER: one.get(USER), "status": one.get("status")}
            user.setdefault("values", {})[question] = {"value": one.get("value")}
    return [*said.values(), *(one for one in rest if one is not None)]


def _label(
    part: dict[str, Any], ours: Mapping[str, Any], read: ReadItem, file: FileName
) -> HumanLabel:
    given = part.get("values")
    status = part.get("status")
    if status == "draft":
        raise UnusableRowError("a draft")
    if status != "discarded" and not isinstance(given, dict):
        raise UnusableRowError("no values")
    user = part.get(USER)
    answers = {
        question: value["value"]
        for question, value in (given or {}).items()
        if isinstance(value, dict) and value.get("value") is not None
    }
    values = {
        "annotator": f"argilla-{user}" if user and isinstance(user, int | str) else None,
        "labelled_at": part.get("updated_at") or part.get("inserted_at") or UNKNOWN_TIME,
    }
    said = _said(answers, read, is_skip=status == "discarded")
    return label_said(said, values, ours.get(str(user)), read, file)


def _said(answers: Mapping[str, Any], read: ReadItem, *, is_skip: bool) -> Said:
    reads = {
        question: said
        for question, value in answers.items()
        if question not in (WORST, STRENGTH) and (said := _choice(value, read))
    }
    best = [reads[BETTER]] if BETTER in reads else list(reads.values())
    if not is_skip and len(best) > 1:
        raise UnusableRowError(
            f"{', '.join(reads)} each say which answer is best; only {BETTER!r} would count"
        )
    said = Said(choice=SKIP) if is_skip else one_of(best, "the response")
    worst = named_choice(answers.get(WORST), read.names)
    texts = [
        text
        for question, text in answers.items()
        if isinstance(text, str) and question not in {*reads, WORST, STRENGTH}
    ]
    is_side = said.choice in tuple(SIDES)
    return Said(
        choice=said.choice,
        worst=(said.worst or worst) if is_side else None,
        strength=named_strength(answers.get(STRENGTH)),
        note="\n".join(texts),
    )


def _choice(value: object, read: ReadItem) -> Said | None:
    """Return what the answer to a question says of which is best, None if it is about else."""
    if isinstance(value, list):
        groups = _groups(value)
        names = {named_choice(one, read.names) for group in groups for one in group}
        return ranked(groups, read.names) if names and None not in names else None
    side = named_choice(value, read.names)
    return Said(choice=side) if side else None


def _groups(ranking: list[Any]) -> list[list[str]]:
    """Return the values of a ranking, the best first; values of one rank are a group."""
    by_rank: dict[float, list[str]] = defaultdict(list)
    for place, one in enumerate(ranking):
        value, rank = (one.get("value"), one.get("rank")) if isinstance(one, dict) else (one, None)
        by_rank[rank if isinstance(rank, int | float) else float(place)].append(str(value))
    return [by_rank[rank] for rank in sorted(by_rank)]
