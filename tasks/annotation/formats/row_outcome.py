"""What came of a row: a comparison, labels, and labels that could not be read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from storage.tables.labels import HumanLabel
from tasks.annotation.formats.comparison_in_row import ReadItem
from tasks.annotation.formats.unusable_row import UnusableRowError


class LabelFault(NamedTuple):
    """A part of a row that is no label, and why."""

    reason: str
    part: object


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOutcome:
    """A comparison with what people said of it."""

    read: ReadItem
    labels: tuple[HumanLabel, ...]
    faults: tuple[LabelFault, ...]


def outcome_of(
    read: ReadItem, parts: object, label: Callable[[dict[str, object]], HumanLabel]
) -> RowOutcome:
    """Return a comparison with the labels that `label` makes of the objects in the list `parts`."""
    labels, faults = [], []
    if parts is not None and not isinstance(parts, list):
        parts, faults = [], [LabelFault("labels are no list", parts)]
    for part in _of(parts):
        try:
            if not isinstance(part, dict):
                raise UnusableRowError("a label is no JSON object")  # noqa: TRY301  - told as others
            labels.append(label(part))
        except UnusableRowError as fault:
            faults.append(LabelFault(f"label: {fault}", part))
    return RowOutcome(read=read, labels=tuple(labels), faults=tuple(faults))


def _of(parts: list[object] | None) -> Iterable[object]:
    return parts or ()
