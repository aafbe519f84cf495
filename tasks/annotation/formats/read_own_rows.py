"""Comparisons in our own words: rows of JSONL, and of CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tasks.annotation.formats.comparison_in_row import comparison_in_row
from tasks.annotation.formats.exported_item import KEY, exported_item_in
from tasks.annotation.formats.file_row import FileName, FileRow
from tasks.annotation.formats.formula_cell import unescaped_cell
from tasks.annotation.formats.label_in_row import LABEL_COLUMNS, label_in_row
from tasks.annotation.formats.prompt_in_row import NAMES, unpacked_prompt
from tasks.annotation.formats.responses_in_row import is_response, responses_in_row
from tasks.annotation.formats.row_outcome import RowOutcome, outcome_of

_MODELS = tuple(f"model_{place}" for place in range(1, 10))


def is_own(names: Mapping[str, Any] | Sequence[str]) -> bool:
    """Return whether keys or columns are those of a comparison in our own words."""
    return any(name in names for name in NAMES) and any(is_response(name) for name in names)


def read_own_row(row: FileRow, file: FileName) -> RowOutcome:
    """Return the comparison of a JSON object {prompt, responses, ...} and its labels.

    Raises:
        UnusableRowError: it states none.
    """
    read = comparison_in_row(row.values, row, file)
    return outcome_of(
        read, row.values.get("labels"), lambda part: label_in_row(part, read.item, file)
    )


def cells_as_json(row: FileRow) -> FileRow:
    """Return a row of CSV cells as the JSON object that says the same.

    Raises:
        UnusableRowError: it has models, but no answers that they could have written.
    """
    cells = row.values
    if KEY in cells:  # only what we wrote is escaped
        cells = {name: unescaped_cell(cell) for name, cell in cells.items()}
    values: dict[str, Any] = dict(cells)
    for name in NAMES:
        if name in values:
            values[name] = unpacked_prompt(cells[name])
    if any(cells.get(name) for name in _MODELS):
        exported = exported_item_in(values)
        count = len(exported.completions) if exported else len(responses_in_row(values).texts)
        values["models"] = [cells.get(name, "") for name in _MODELS][:count]
    label = {name: cells[name] for name in LABEL_COLUMNS if cells.get(name)}
    if "annotator" in label or "choice" in label:
        values["labels"] = [label]
    return replace(row, values=values)
