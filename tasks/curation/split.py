"""Which split a prompt belongs to."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.ingest.params import IngestParams

Split = Literal["train", "judge", "eval"]
_NO_WORD = re.compile(r"[\W_]+")


def place_prompt(
    params: IngestParams, messages: tuple[Message, ...], *, origin: str, meta: str = "{}"
) -> Prompt:
    """Return a prompt of the source with its cluster and its split."""
    cluster = cluster_of(messages)
    split = split_of(
        cluster,
        seed=params.seed,
        judge_share=params.judge_share,
        eval_share=params.eval_share,
    )
    return Prompt(
        source=params.source,
        split=split,
        messages=messages,
        cluster=cluster,
        meta=meta,
        origin=origin,
    )


def cluster_of(messages: Sequence[Message]) -> str:
    """Return 16 hex digits that prompts share if they begin alike.

    Two prompts are in one cluster if their first message that is not a system message is the same
    up to case, Unicode compatibility forms, punctuation and white space.
    """
    opening = next((turn.content for turn in messages if turn.role != "system"), "")
    folded = opening if opening.isascii() else unicodedata.normalize("NFKC", opening)
    words = _NO_WORD.sub(" ", folded.casefold()).strip()
    return hashlib.sha256((words or opening).encode()).hexdigest()[:16]


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
