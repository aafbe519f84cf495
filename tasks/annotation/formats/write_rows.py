"""Comparisons and labels in our own words: as JSONL and as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

import orjson

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.formats.exported_item import KEY, exported_facts
from tasks.annotation.formats.formula_cell import escaped_cell
from tasks.annotation.formats.label_in_row import LABEL_COLUMNS, label_values
from tasks.annotation.formats.prompt_in_row import prompt_cell, written_prompt

_FACTS = ("source", "split", "gold", "judge", "judged")


def jsonl_file(
    items: Sequence[ComparisonItem], labels: Mapping[str, Sequence[HumanLabel]]
) -> bytes:
    """Return one JSON object a comparison, with all labels in it."""
    rows = (
        {
            "prompt": written_prompt(item.messages),
            "responses": [response.text for response in item.responses],
            **exported_facts(item),
            "labels": [label_values(label) for label in labels.get(item.item_id, ())],
        }
        for item in items
    )
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def csv_file(items: Sequence[ComparisonItem], labels: Mapping[str, Sequence[HumanLabel]]) -> bytes:
    """Return one row a label, and one for each comparison without a label; all cells are quoted.

    No cell is one that a spreadsheet takes for a formula.
    """
    most = max((len(item.responses) for item in items), default=2)
    numbers = range(1, most + 1)
    columns = ["prompt", *(f"response_{number}" for number in numbers), *LABEL_COLUMNS]
    columns += [*_FACTS, *(f"model_{number}" for number in numbers), KEY]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    for item in items:
        cells = _item_cells(item)
        said = [_label_cells(label) for label in labels.get(item.item_id, ())]
        for row in [cells | label for label in said] or [cells]:
            writer.writerow({name: escaped_cell(cell) for name, cell in row.items()})
    return text.getvalue().encode()


def _item_cells(item: ComparisonItem) -> dict[str, str]:
    facts = exported_facts(item)
    cells = {"prompt": prompt_cell(item.messages), KEY: orjson.dumps(facts[KEY]).decode()}
    cells |= {name: str(facts[name]) for name in _FACTS if name in facts}
    return cells | dict(_numbered(item))


def _numbered(item: ComparisonItem) -> Iterator[tuple[str, str]]:
    for place, response in enumerate(item.responses, start=1):
        yield f"response_{place}", response.text
        yield f"model_{place}", response.policy


def _label_cells(label: HumanLabel) -> dict[str, str]:
    values = label_values(label)
    return {name: "" if value is None else _cell(value) for name, value in values.items()}


def _cell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
