"""Rows that training cannot learn from."""

from dataclasses import dataclass

PROMPT_FILLS_LIMIT = "prompt fills the limit"


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """The id of a row that was left out of training, and why."""

    row_id: str
    reason: str
