"""Times as the file of queues and labels have them."""

from datetime import UTC, datetime


def time_text(time: datetime) -> str:
    """Return a time in UTC as text whose alphabetical order is that of time."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")
