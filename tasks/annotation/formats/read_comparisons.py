"""Reading comparisons, and labels that people gave elsewhere, from a file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from storage.tables.completions import Completion
from storage.tables.labels import HumanLabel
from storage.tables.quarantine import Refusal
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.formats.accepted_formats import unreadable
from tasks.annotation.formats.csv_rows import csv_table
from tasks.annotation.formats.file_content import Content, read_content
from tasks.annotation.formats.file_row import FileName, FileRow, file_name_of, refused
from tasks.annotation.formats.json_rows import is_json, json_rows
from tasks.annotation.formats.read_argilla import is_argilla, read_argilla
from tasks.annotation.formats.read_label_studio import is_label_studio, read_label_studio
from tasks.annotation.formats.read_own_rows import cells_as_json, is_own, read_own_row
from tasks.annotation.formats.row_outcome import RowOutcome
from tasks.annotation.formats.unusable_row import UnusableRowError

_UNKNOWN = "neither prompt and responses, nor a task of Label Studio, nor a record of Argilla"
_Reader = Callable[[FileRow, FileName], RowOutcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadComparisons:
    """What a file holds: comparisons, each once, their labels, and the rows that are neither.

    `completions` are the answers of comparisons that were not exported from a store, in which their
    rows are. A refusal is of a row, or of a label in a row whose comparison is fine.
    """

    items: tuple[ComparisonItem, ...]
    completions: tuple[Completion, ...]
    refusals: tuple[Refusal, ...]
    labels: tuple[HumanLabel, ...]


def read_comparisons(path: Path) -> ReadComparisons:
    """Return the comparisons and labels of a file: JSONL, CSV, Label Studio JSON or Argilla records.

    Which of them it is shows in its content, whatever its name; all may be packed with gzip. Several
    rows of one comparison (CSV has one a label) are one; a row that says nothing new is refused.

    Raises:
        InputError: the file cannot be read, or is in none of these formats.
    """
    file, content = file_name_of(path), read_content(path)
    read = _Collected(file)
    for row, reader in _rows(path, content):
        read.take(row, reader)
    if not read.num_known:
        faults = ", ".join(sorted({refusal.reason for refusal in read.refusals})[:3])
        raise unreadable(path, f"no row of it is in a known format: {faults or 'there is none'}")
    return ReadComparisons(
        items=tuple(read.items.values()),
        completions=tuple(read.completions.values()),
        refusals=tuple(read.refusals),
        labels=tuple(read.labels),
    )


def _rows(path: Path, content: Content) -> Iterator[tuple[FileRow, _Reader | None]]:
    """Yield rows with what reads them, none where that cannot be told."""
    if is_json(content.text):
        for row in json_rows(path, content):
            yield row, _reader_of(row)
        return
    table = csv_table(path, content)
    if not is_own(table.columns):
        named = ", ".join(map(repr, table.columns[:8]))
        raise unreadable(path, f"as CSV its columns would be {named}")
    for row in table.rows:
        yield row, _read_cells


def _reader_of(row: FileRow) -> _Reader | None:
    if is_own(row.values):
        return read_own_row
    if is_label_studio(row.values):
        return read_label_studio
    return read_argilla if is_argilla(row.values) else None


def _read_cells(row: FileRow, file: FileName) -> RowOutcome:
    return read_own_row(cells_as_json(row), file)


@dataclass(slots=True)
class _Collected:
    """What was read so far. `num_known` counts rows in a known format, usable or not."""

    file: FileName
    items: dict[str, ComparisonItem] = field(default_factory=dict)
    completions: dict[str, Completion] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    labels: list[HumanLabel] = field(default_factory=list)
    num_known: int = 0
    _lines: dict[str, int] = field(default_factory=dict)
    _splits: dict[str, str] = field(default_factory=dict)
    _known_labels: set[HumanLabel] = field(default_factory=set)

    def take(self, row: FileRow, reader: _Reader | None) -> None:
        """Add what a row says, or its refusal."""
        self.num_known += reader is not None
        if row.fault or reader is None:
            self.refusals.append(refused(row, self.file, row.fault or _UNKNOWN))
            return
        try:
            outcome = reader(row, self.file)
            labels = self._new_labels(outcome)
        except UnusableRowError as fault:
            self.refusals.append(refused(row, self.file, str(fault)))
            return
        item = outcome.read.item
        self.items.setdefault(item.item_id, item)
        self._lines.setdefault(item.item_id, row.line)
        self._splits.setdefault(item.prompt_id, item.split)
        self.completions |= {made.completion_id: made for made in outcome.read.completions}
        self.labels += labels
        self._known_labels.update(labels)
        self.refusals += [
            refused(row, self.file, fault.reason, fault.part) for fault in outcome.faults
        ]

    def _new_labels(self, outcome: RowOutcome) -> list[HumanLabel]:
        """Return the labels that are new.

        Raises:
            UnusableRowError: the row contradicts an earlier one, or repeats it.
        """
        item = outcome.read.item
        split = self._splits.get(item.prompt_id, item.split)
        if split != item.split:
            raise UnusableRowError(f"its prompt is in split {split} further up")
        labels = [label for label in outcome.labels if label not in self._known_labels]
        before = self.items.get(item.item_id)
        if before is None:
            return labels
        line = self._lines[item.item_id]
        if replace(item, origin=before.origin) != before:
            raise UnusableRowError(f"contradicts line {line}: the same comparison, but other facts")
        if not labels and not outcome.faults:
            raise UnusableRowError(f"repeats line {line}")
        return labels
