"""How long work tells how far it is, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Receives the state of long work; called often, so a listener throttles itself."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Tell that `done` of `total` units are finished; `note` is a short figure, never text."""


def silent(done: int, total: int, note: str = "") -> None:
    """Listen to nothing."""
