"""Comparisons and labels as records of Argilla 2."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import orjson

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.formats import argilla_settings as names
from tasks.annotation.formats.exported_item import KEY, exported_facts
from tasks.annotation.formats.json_list import json_list
from tasks.annotation.formats.label_in_row import label_values
from tasks.annotation.formats.prompt_in_row import written_turns
from tasks.annotation.formats.read_argilla import USER
from tasks.annotation.formats.sides import NO_SIDE
from tasks.annotation.formats.write_label_studio import name_of


def argilla_file(
    items: Sequence[ComparisonItem], labels: Mapping[str, Sequence[HumanLabel]]
) -> bytes:
    """Return a JSON list of records with responses; `labels` are those of each item id.

    A user id is a UUID made of the annotator's name. What Argilla has no place for stands as JSON in
    the metadata `prefline`, which `ARGILLA_SETTINGS` hides from who labels.
    """
    return json_list(_record(item, labels.get(item.item_id, ())) for item in items)


def _record(item: ComparisonItem, labels: Sequence[HumanLabel]) -> dict[str, Any]:
    users = _users(labels)
    told = [label_values(label) | {USER: user} for label, user in zip(labels, users, strict=True)]
    return {
        "id": item.item_id,
        "fields": {names.PROMPT: written_turns(item.messages)}
        | {name_of(side): item.side(side).text for side in item.sides},
        "metadata": {KEY: orjson.dumps(exported_facts(item) | {"labels": told}).decode()},
        "suggestions": {},
        "responses": _responses(labels, users),
        "vectors": {},
        "_server_id": None,
    }


def _users(labels: Sequence[HumanLabel]) -> list[str]:
    """Return a user id for each label; a second one by the same person has an id of its own."""
    seen: set[str] = set()
    users = []
    for label in labels:
        told = label.annotator
        while told in seen:
            told = f"{told}\0{label.label_id}"
        seen.add(told)
        users.append(str(uuid5(NAMESPACE_OID, told)))
    return users


def _responses(labels: Sequence[HumanLabel], users: Sequence[str]) -> dict[str, Any]:
    responses: dict[str, list[dict[str, str]]] = defaultdict(list)
    for label, user in zip(labels, users, strict=True):
        choice = label.choice if label.choice in NO_SIDE else name_of(label.choice)
        answers = {
            names.BETTER: choice,
            names.WORST: name_of(label.worst) if label.worst else None,
            names.STRENGTH: label.strength,
            names.NOTE: label.note,
        }
        for question, value in answers.items():
            if value:
                responses[question].append({"value": value, USER: user})
    return dict(responses)
