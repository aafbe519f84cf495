"""How large a batch may be, and how patiently its end is waited for."""

from dataclasses import dataclass

LEASE_SECONDS = 26 * 3600.0
"""A batch ends within 24 hours; from then on its calls may be given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """The sizes are those of OpenAI's batch endpoint."""

    max_lines: int = 50_000
    max_bytes: int = 200_000_000
    first_poll_seconds: float = 5.0
    longest_poll_seconds: float = 60.0
    appearance_seconds: float = 30.0
    """A batch that was asked for may show in the provider's list as late as this."""
    patience_seconds: float = 3600.0
    """How long the provider may be out of reach while its batches are waited for."""
    lines_at_once: int = 200
    """Lines of a reply file that are written down in one transaction."""
