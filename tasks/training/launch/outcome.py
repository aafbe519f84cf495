"""How a launched training went, as files: its first process writes them, its caller reads them."""

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from storage.tables.completions import COMPLETIONS
from tasks.training.dropped_row import DroppedRow
from tasks.training.run.training_result import StepCompletion, StepMetric, TrainingResult

_RESULT = "result.json"
_COMPLETIONS = "completions.parquet"
_INPUT_ERROR = "input-error.txt"


def write_result(directory: Path, result: TrainingResult) -> None:
    """Write a result; it is there whole or not at all."""
    completions = [row.completion for row in result.completions]
    pq.write_table(COMPLETIONS.to_arrow(completions), directory / _COMPLETIONS)
    plain: dict[str, Any] = {
        field.name: getattr(result, field.name)
        for field in fields(result)
        if field.name not in {"steps", "completions", "dropped"}
    }
    plain["dropped"] = [[row.row_id, row.reason] for row in result.dropped]
    plain["steps"] = [[row.step, row.metric, row.value] for row in result.steps]
    plain["completion_steps"] = [row.step for row in result.completions]
    _commit(directory / _RESULT, json.dumps(plain))


def read_result(directory: Path) -> TrainingResult | None:
    """Return the result that was written, or None."""
    path = directory / _RESULT
    if not path.is_file():
        return None
    plain = json.loads(path.read_text(encoding="utf-8"))
    dropped = tuple(DroppedRow(*row) for row in plain.pop("dropped"))
    steps = [StepMetric(*row) for row in plain.pop("steps")]
    rows = COMPLETIONS.from_arrow(pq.read_table(directory / _COMPLETIONS))
    completions = zip(plain.pop("completion_steps"), rows, strict=True)
    return TrainingResult(
        **plain,
        dropped=dropped,
        steps=tuple(steps),
        completions=tuple(StepCompletion(step, row) for step, row in completions),
    )


def write_input_error(directory: Path, message: str) -> None:
    """Write what the user can mend."""
    _commit(directory / _INPUT_ERROR, message)


def read_input_error(directory: Path) -> str | None:
    """Return what the user can mend, or None."""
    path = directory / _INPUT_ERROR
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _commit(path: Path, text: str) -> None:
    """Write a file under another name, then rename it."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
