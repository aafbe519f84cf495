"""Where stored log-probabilities of the reference stand for a run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KnownLogps:
    """A directory with what is known already, and with what a run then knew.

    `known` is a Parquet file that need not exist; `scored` is written by the run.
    """

    directory: Path

    @property
    def known(self) -> Path:
        """Where log-probabilities of earlier runs are."""
        return self.directory / "known.parquet"

    @property
    def scored(self) -> Path:
        """Where a run leaves those that it used."""
        return self.directory / "scored.parquet"
