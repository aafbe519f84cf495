"""With which code and which libraries an artifact was made."""

import os
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("pyarrow", "torch", "transformers", "trl", "duckdb", "prefect")
_CHECKOUT = Path(__file__).resolve().parents[1]


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return the commit of the checkout, `-dirty` behind it if files were edited.

    Outside a git repository, and before its first commit, it is the version of the package.
    """
    if (_CHECKOUT / ".git").exists():
        command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        try:
            described = subprocess.run(
                command,
                cwd=_CHECKOUT,
                env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
        except (OSError, subprocess.TimeoutExpired):
            described = None
        if described is not None and described.returncode == 0:
            return described.stdout.strip()
    return _installed("prefline") or "unknown"


@lru_cache(maxsize=1)
def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide results, without importing them."""
    found = {name: _installed(name) for name in LIBRARIES}
    return {name: installed for name, installed in found.items() if installed is not None}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
