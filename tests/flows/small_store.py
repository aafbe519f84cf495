"""Flows run as `prefline run` runs them, on a store with a few questions and preferences."""

import json
from pathlib import Path
from typing import Any

from deployments.arguments import flow_arguments
from deployments.flow_table import load_flow
from flows.preflight import preflight

_WORDS = [
    *("amber", "birch", "cedar", "delta", "ember", "fjord", "grove"),
    *("heath", "islet", "jetty", "knoll", "larch", "marsh"),
]


def run(name: str, *settings: str, root: Path) -> Any:
    """Return what the flow returns."""
    flow = load_flow(name)
    given = flow_arguments(flow.fn, profile=None, settings=[*settings, f"root={root}"])
    preflight(flow.fn, given)
    return flow(**given)


def ingested_preferences(folder: Path, num_rows: int) -> Path:
    """Return the root of a store with so many ingested pairs."""
    rows = [
        {
            "prompt": f"What is {_WORDS[i % 13]} {_WORDS[(i * 5 + 3) % 13]} number {i}?",
            "chosen": f"It is a good thing, number {i}, and here is why it matters.",
            "rejected": f"Whatever, number {i}.",
        }
        for i in range(num_rows)
    ]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run("ingest", "source=preferences", f"path={path}", root=folder / "data")
    return folder / "data"
