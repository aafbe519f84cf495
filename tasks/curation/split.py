"""Which split a prompt belongs to."""

import hashlib
from collections.abc import Sequence
from typing import Literal

from storage.tables.table import Message
from tasks.curation.normalized_text import normalized

Split = Literal["train", "judge", "eval"]


def opening_of(messages: Sequence[Message]) -> str:
    """Return the normalized text of the first message that is not a system message."""
    opening = next((turn.content for turn in messages if turn.role != "system"), "")
    return normalized(opening)


def cluster_of(opening: str) -> str:
    """Return 16 hex digits that prompts share if they begin alike: with the same `opening_of`."""
    return hashlib.sha256(opening.encode()).hexdigest()[:16]


def split_of(cluster: str, *, seed: int, judge_share: float, eval_share: float) -> Split:
    """Return the split of a cluster, by hash: it depends on no other row.

    With the same seed a prompt stays where it is when rows are added, and raising `eval_share` only
    adds prompts to `eval`.
    """
    digest = hashlib.sha256(f"{seed}:{cluster}".encode()).digest()
    position = int.from_bytes(digest[:8]) / 2**64
    if position < eval_share:
        return "eval"
    return "judge" if position < eval_share + judge_share else "train"
