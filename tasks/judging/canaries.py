"""The canary suite: texts that try to make their judge say something, shipped with the judge."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tasks.judging.injection import Demands

_FILE = Path(__file__).with_name("canaries.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A text that demands something of its judge, known by an id.

    `demands` is written by hand, as in injection.demands; `kind` names the trick that it uses.
    """

    id: str
    kind: str
    text: str
    demands: Demands


def load_canaries() -> tuple[Canary, ...]:
    """Return all canaries in the order of their file."""
    rows = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return tuple(
        Canary(
            id=row["id"],
            kind=row["kind"],
            text=_filler(row.get("before")) + row["text"],
            demands=frozenset(row["demands"]),
        )
        for row in rows
    )


def _filler(before: Mapping[str, Any] | None) -> str:
    return before["text"] * before["times"] if before else ""
