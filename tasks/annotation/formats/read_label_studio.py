"""Comparisons and labels as Label Studio exports them in its format JSON.

A task has its texts in `data`: `prompt` (a text, or a list of messages) and either two or more
numbered answers (`response_1`, `response_2`; `text1`, `text2`) or a list of {id, body}. In an
annotation the result of type `pairwise` names the better of two: left is the answer with the lower
number, as it is if the tag's `toName` lists them in their order. A `ranker` orders answers, or sorts
one into the bucket `best` and one into `worst`. `choices` name an answer, tie, both_bad or skip, and
how clear it is; `textarea` holds the note. An annotation that was cancelled is a skip, one that is
the ground truth settles the comparison. Drafts and predictions are no labels.

Annotators are called `label-studio-` and their number there: the export holds e-mail addresses,
which a pseudonym must not.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import SKIP
from tasks.annotation.formats.comparison_in_row import ReadItem, comparison_in_row
from tasks.annotation.formats.exported_item import unpacked
from tasks.annotation.formats.file_row import FileName, FileRow
from tasks.annotation.formats.label_in_row import UNKNOWN_TIME
from tasks.annotation.formats.label_studio_config import BEST, WORST
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

_LEFT_RIGHT = {"left": "a", "right": "b"}


def is_label_studio(values: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a task of Label Studio."""
    return isinstance(values.get("data"), dict)


def read_label_studio(row: FileRow, file: FileName) -> RowOutcome:
    """Return the comparison of a task and the labels in its annotations.

    Raises:
        UnusableRowError: the task is no comparison.
    """
    task = row.values
    values = {**task["data"], **unpacked(ours_in(task.get("meta")))}
    read = comparison_in_row(values, row, file)
    return outcome_of(read, task.get("annotations"), lambda part: _label(part, read, file))


def _label(annotation: dict[str, Any], read: ReadItem, file: FileName) -> HumanLabel:
    results = annotation.get("result") or []
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise UnusableRowError("result is no list of objects")
    values = {
        "annotator": _annotator(annotation.get("completed_by")),
        "seconds": annotation.get("lead_time") or 0.0,
        "is_adjudication": bool(annotation.get("ground_truth")),
        "labelled_at": annotation.get("updated_at") or annotation.get("created_at") or UNKNOWN_TIME,
    }
    ours = next((block for one in results if (block := ours_in(one.get("meta")))), None)
    said = _said(results, read, is_skip=bool(annotation.get("was_cancelled")))
    return label_said(said, values, ours, read, file)


def _said(results: list[dict[str, Any]], read: ReadItem, *, is_skip: bool) -> Said:
    texts: list[str] = []
    strengths: list[str] = []
    found: list[Said] = []
    for one in results:
        value, kind = _value(one), one.get("type")
        chosen = _strings(value.get("choices")) if kind == "choices" else []
        strengths += [strength for name in chosen if (strength := named_strength(name))]
        texts += _strings(value.get("text")) if kind == "textarea" else []
        found += _choices(str(kind), one, value, read)
    said = Said(choice=SKIP) if is_skip else one_of(found, "the annotation")
    note = "\n".join(texts)
    return Said(
        choice=said.choice,
        worst=said.worst,
        strength=strengths[0] if strengths else None,
        note=note,
    )


def _value(result: dict[str, Any]) -> dict[str, Any]:
    value = result.get("value")
    return value if isinstance(value, dict) else {}


def _choices(
    kind: str, one: dict[str, Any], value: dict[str, Any], read: ReadItem
) -> Iterator[Said]:
    if kind == "pairwise":
        yield Said(choice=_side(one, value.get("selected"), len(read.names)))
    elif kind == "ranker":
        yield _ranking(value.get("ranker"), read)
    elif kind == "choices":
        names = _strings(value.get("choices"))
        sides = [side for name in names if (side := named_choice(name, read.names))]
        yield from (Said(choice=side) for side in sides)


def _side(one: dict[str, Any], selected: object, count: int) -> str:
    side = _LEFT_RIGHT.get(str(selected))
    if side is None or count != len(_LEFT_RIGHT):
        raise UnusableRowError(f"a pairwise result that selects {selected!r} of {count} answers")
    names = str(one.get("to_name") or "").split(",")
    if len(names) == len(_LEFT_RIGHT) and names[0].strip() > names[1].strip():
        raise UnusableRowError("a pairwise result whose left is the answer with the higher number")
    return side


def _ranking(value: object, read: ReadItem) -> Said:
    if isinstance(value, list):
        return ranked([[one] for one in value if isinstance(one, str)], read.names)
    buckets = value if isinstance(value, dict) else {}
    best, worst = _strings(buckets.get(BEST)), _strings(buckets.get(WORST))
    if len(best) != 1 or len(worst) > 1:
        raise UnusableRowError(
            f"a ranking without one answer in {BEST!r} and at most one in {WORST!r}"
        )
    both = ranked([best, worst], read.names)
    return Said(
        choice=both.choice,
        worst=ranked([worst], read.names).choice if worst else None,
    )


def _strings(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, str)]


def _annotator(completed_by: object) -> str:
    who = completed_by.get("id") if isinstance(completed_by, dict) else completed_by
    if who in (None, "") or isinstance(who, bool) or not isinstance(who, int | str):
        return ""
    named = str(who)
    if "@" in named:
        named = hashlib.sha256(named.encode(errors="replace")).hexdigest()[:12]
    return f"label-studio-{named}"
