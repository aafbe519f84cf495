"""Writing comparisons with their labels to a file that other tools read."""

import gzip
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from storage.durable import make_directory, replace_file
from storage.input_error import InputError
from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.formats.write_argilla import argilla_file
from tasks.annotation.formats.write_label_studio import label_studio_file
from tasks.annotation.formats.write_rows import csv_file, jsonl_file

Format = Literal["jsonl", "csv", "label-studio", "argilla"]
_Writer = Callable[[Sequence[ComparisonItem], Mapping[str, Sequence[HumanLabel]]], bytes]
_WRITERS: Mapping[Format, _Writer] = {
    "jsonl": jsonl_file,
    "csv": csv_file,
    "label-studio": label_studio_file,
    "argilla": argilla_file,
}


def write_labels(
    path: Path, kind: Format, items: Sequence[ComparisonItem], labels: Sequence[HumanLabel]
) -> None:
    """Write comparisons with all their labels; a reader of `path` never sees a part of them.

    `read_comparisons` gives the same comparisons and labels back from each format: what a format has
    no place for stands beside it. Only texts that hold a NUL character do not come back, they are
    refused there. A path that ends in .gz is packed; a file that is there is replaced.

    Raises:
        InputError: a label is of none of the comparisons, or the file cannot be written.
    """
    data = _WRITERS[kind](items, _by_item(items, labels))
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    try:
        make_directory(path.parent)
        replace_file(path, data, scratch=path.parent)
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be written: {error.strerror}; name a file in a directory where you "
            "may write"
        ) from error


def _by_item(
    items: Sequence[ComparisonItem], labels: Sequence[HumanLabel]
) -> dict[str, list[HumanLabel]]:
    answers = {
        item.item_id: tuple(response.completion_id for response in item.responses) for item in items
    }
    found: dict[str, list[HumanLabel]] = defaultdict(list)
    for label in labels:
        if answers.get(label.comparison_id) != label.completions:
            raise InputError(
                f"a label of {label.annotator!r} is of comparison {label.comparison_id!r}, which is not "
                f"among the {len(items):,} to be written; give its comparison too, or leave it out"
            )
        found[label.comparison_id].append(label)
    return found
