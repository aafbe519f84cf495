"""Where the report of an evaluation stands as a file."""

import os
from pathlib import Path


def report_path(root: str, estimates: str) -> Path:
    """Return where the report of an evaluation stands: in the store, or here if that is remote."""
    folder = Path("reports") if "://" in root else Path(root) / "reports"
    return folder / f"{estimates}.html"


def write_report(html: str, path: Path) -> Path:
    """Put the file in place, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(html, encoding="utf-8")
    partial.replace(path)
    return path.resolve()
