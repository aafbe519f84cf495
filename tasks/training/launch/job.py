"""What a launched training is to do, as files that its processes read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.negatives import NEGATIVES
from storage.tables.pairs import PAIRS
from storage.tables.table import Table
from tasks.progress import Progress
from tasks.training.d2o.params import D2OParams
from tasks.training.dpo.params import DPOParams
from tasks.training.launch.train_where_asked import Method
from tasks.training.params import TrainingParams
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.params import SFTParams

_TABLES: dict[Method, Table[Any]] = {"sft": DEMONSTRATIONS, "dpo": PAIRS, "d2o": NEGATIVES}
_PARAMS: dict[Method, type[TrainingParams]] = {
    "sft": SFTParams,
    "dpo": DPOParams,
    "d2o": D2OParams,
}
_PATHS = tuple(field.name for field in fields(RunFiles) if field.name != "progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training by `method`, and where it reads and writes."""

    method: Method
    rows: Sequence[Any]
    params: TrainingParams
    files: RunFiles

    def write(self, directory: Path) -> None:
        """Write the job to a directory; no key or other secret is part of it."""
        table = _TABLES[self.method].to_arrow(self.rows)
        pq.write_table(table, directory / "rows.parquet")
        paths = {name: getattr(self.files, name) for name in _PATHS}
        description = {
            "method": self.method,
            "params": self.params.model_dump(mode="json"),
            "paths": {name: path and str(path.resolve()) for name, path in paths.items()},
        }
        (directory / "job.json").write_text(json.dumps(description), encoding="utf-8")


def read_job(directory: Path, progress: Progress) -> Job:
    """Return the job in a directory, with `progress` as the listener of its run."""
    description = json.loads((directory / "job.json").read_text(encoding="utf-8"))
    method: Method = description["method"]
    table = _TABLES[method]
    paths = {name: path and Path(path) for name, path in description["paths"].items()}
    return Job(
        method=method,
        rows=list(table.from_arrow(pq.read_table(directory / "rows.parquet"))),
        params=_PARAMS[method].model_validate(description["params"]),
        files=RunFiles(**paths, progress=progress),
    )
