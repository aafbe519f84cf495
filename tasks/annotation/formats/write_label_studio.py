"""Comparisons and labels as tasks that Label Studio imports."""

from collections.abc import Mapping, Sequence
from typing import Any

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import SIDES, SKIP, ComparisonItem
from tasks.annotation.formats import label_studio_config as controls
from tasks.annotation.formats.exported_item import KEY, exported_facts
from tasks.annotation.formats.json_list import json_list
from tasks.annotation.formats.label_in_row import label_values
from tasks.annotation.formats.prompt_in_row import written_turns
from tasks.annotation.formats.sides import NO_SIDE


def label_studio_file(
    items: Sequence[ComparisonItem], labels: Mapping[str, Sequence[HumanLabel]]
) -> bytes:
    """Return a JSON list of tasks with annotations; `labels` are those of each item id.

    A project has one labeling interface: `LABEL_STUDIO_CONFIG` if all comparisons have two answers,
    otherwise `LABEL_STUDIO_RANKING_CONFIG`. What Label Studio has no place for stands in the `meta`
    of tasks and results, where it keeps it and shows it to nobody who labels. Annotations name
    nobody in `completed_by`, since Label Studio refuses people that it does not know.
    """
    as_pairs = all(len(item.responses) == 2 for item in items)  # noqa: PLR2004  - a pair
    tasks = (
        {
            "id": number,
            "data": _data(item, as_pairs=as_pairs),
            "meta": {KEY: exported_facts(item)},
            "annotations": [
                _annotation(label, place, as_pairs=as_pairs)
                for place, label in enumerate(labels.get(item.item_id, ()), start=1)
            ],
        }
        for number, item in enumerate(items, start=1)
    )
    return json_list(tasks)


def name_of(letter: str) -> str:
    """Return what answers are called in Label Studio and Argilla."""
    return f"response_{SIDES.index(letter) + 1}"


def _data(item: ComparisonItem, *, as_pairs: bool) -> dict[str, Any]:
    texts = {name_of(side): item.side(side).text for side in item.sides}
    shown: dict[str, Any] = {controls.PROMPT: written_turns(item.messages)}
    if as_pairs:
        return shown | texts
    answers = [
        {"id": name, "title": str(place), "body": text}
        for place, (name, text) in enumerate(texts.items(), start=1)
    ]
    return shown | {"answers": answers}


def _annotation(label: HumanLabel, place: int, *, as_pairs: bool) -> dict[str, Any]:
    meta = {KEY: label_values(label)}
    results = [
        {"id": f"{label.label_id}-{control}", "from_name": control, "meta": meta} | result
        for control, result in _results(label, as_pairs=as_pairs).items()
    ]
    return {
        "id": place,
        "created_username": label.annotator,
        "created_at": label.labelled_at,
        "updated_at": label.labelled_at,
        "lead_time": label.seconds,
        "was_cancelled": label.choice == SKIP,
        "ground_truth": label.is_adjudication,
        "result": results,
    }


def _results(label: HumanLabel, *, as_pairs: bool) -> dict[str, dict[str, Any]]:
    """Return the result of each control that the label sets."""
    results: dict[str, dict[str, Any]] = {}
    if label.choice in NO_SIDE:
        results[controls.VERDICT] = _chosen(label.choice)
    elif as_pairs:
        selected = "left" if label.choice == SIDES[0] else "right"
        results[controls.BETTER] = {
            "to_name": controls.BETTER,
            "type": "pairwise",
            "value": {"selected": selected},
        }
    else:
        results[controls.RANKING] = _ranked(label)
    if label.strength:
        results[controls.STRENGTH] = _chosen(label.strength)
    if label.note:
        results[controls.NOTE] = {
            "to_name": controls.PROMPT,
            "type": "textarea",
            "value": {"text": [label.note]},
        }
    return results


def _chosen(value: str) -> dict[str, Any]:
    return {"to_name": controls.PROMPT, "type": "choices", "value": {"choices": [value]}}


def _ranked(label: HumanLabel) -> dict[str, Any]:
    sides = SIDES[: len(label.completions)]
    sorted_out = {label.choice, label.worst}
    buckets = {
        controls.BEST: [name_of(label.choice)],
        controls.WORST: [name_of(label.worst)] if label.worst else [],
        "_": [name_of(side) for side in sides if side not in sorted_out],
    }
    return {"to_name": "answers", "type": "ranker", "value": {"ranker": buckets}}
