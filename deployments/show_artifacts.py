"""Print artifacts, their provenance and their rows."""

from typing import Literal

from rich.console import Console
from rich.json import JSON
from rich.table import Table

from deployments.print_rows import print_rows
from storage.manifest import Artifact
from storage.store import open_store


def show_artifacts(root: str, table: str | None, *, superseded: bool) -> None:
    """Print one line for each artifact, newest first."""
    store = open_store(root, create=False)
    shown = store.artifacts(table, superseded=superseded)
    tags = {artifact_id: name for name, artifact_id in store.tags().items()}
    lines = Table("artifact", "table", "stage", "rows", "tag")
    lines.add_column("made at (UTC)", no_wrap=True)
    for artifact in shown:
        made_at = artifact.created_at[:19].replace("T", " ")
        lines.add_row(
            artifact.artifact_id[:12],
            artifact.table,
            artifact.stage,
            f"{artifact.rows:,}",
            tags.get(artifact.artifact_id, ""),
            made_at,
        )
    Console().print(lines)


def show_artifact(root: str, table: str | None, reference: str) -> None:
    """Print the manifest of an artifact."""
    artifact = open_store(root, create=False).resolve(table, reference)
    Console().print(JSON.from_data(artifact.manifest()))


def show_head(root: str, table: str | None, reference: str, rows: int) -> None:
    """Print the first rows, long cells cut."""
    store = open_store(root, create=False)
    columns = store.read(store.resolve(table, reference)).slice(0, rows)
    print_rows(Console(), columns.column_names, columns.to_pylist())


def show_lineage(
    root: str, table: str | None, reference: str, direction: Literal["up", "down"]
) -> None:
    """Print what an artifact was made of, or what was made of it, indented by distance."""
    store = open_store(root, create=False)
    artifact = store.resolve(table, reference)
    console = Console()
    console.print(_line(artifact, 0))
    for step in store.lineage(artifact.artifact_id, direction):
        console.print(_line(step.artifact, step.depth))


def _line(artifact: Artifact, depth: int) -> str:
    inputs = ", ".join(f"{name} {sha[:12]}" for name, sha in artifact.inputs.items())
    source = f"  from {inputs}" if inputs else ""
    made = f"{artifact.artifact_id[:12]}  {artifact.table}  by {artifact.stage}"
    return f"{'  ' * depth}{made}, {artifact.rows:,} rows{source}"


def tag(root: str, table: str | None, reference: str, name: str) -> None:
    """Name an artifact."""
    store = open_store(root, create=False)
    artifact = store.resolve(table, reference)
    store.tag(name, artifact.artifact_id)
    Console().print(f"{name} is {artifact.table} {artifact.artifact_id[:12]}")


def verify(root: str, reference: str | None) -> int:
    """Print every fault and return the exit code: 1 if there is any."""
    store = open_store(root, create=False)
    ids = None if reference is None else [store.resolve(None, reference).artifact_id]
    faults = store.verify(ids)
    console = Console()
    for fault in faults:
        console.print(f"{fault.artifact_id[:12]} {fault.file}: {fault.reason}", soft_wrap=True)
    checked = len(ids) if ids else len(store.artifacts(superseded=True))
    console.print(f"{checked} artifacts checked, {len(faults)} faults")
    return 1 if faults else 0
