"""The rows of all tables that an example becomes, once it is in a split."""

import hashlib
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import orjson

from storage.tables.demonstrations import Demonstration
from storage.tables.dispreferred import Dispreferred
from storage.tables.examples import Example
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.quarantine import Refusal

Placed = Prompt | Demonstration | PreferencePair | Dispreferred
MAX_RAW_BYTES = 64_000


def placed_rows(example: Example, *, cluster: str, split: str) -> Iterator[Placed]:
    """Yield the prompt, demonstrations, pair and dispreferred answers of an example.

    Where a source lists no demonstrations, the chosen answer is one.
    """
    prompt = Prompt(
        source=example.source,
        split=split,
        messages=example.messages,
        cluster=cluster,
        meta=example.meta,
        origin=example.origin,
    )
    yield prompt
    shared: dict[str, Any] = {
        "prompt_id": prompt.prompt_id,
        "source": example.source,
        "split": split,
        "messages": example.messages,
        "origin": example.origin,
    }
    imitated = example.demonstrations or ((example.chosen,) if example.chosen is not None else ())
    for completion, label in zip_longest(imitated, example.labels[: len(imitated)]):
        yield Demonstration(**shared, completion=completion, label=label)
    if example.chosen is not None and example.rejected is not None:
        yield PreferencePair(
            **shared,
            chosen=example.chosen,
            rejected=example.rejected,
            labeler_kind="dataset",
            labeler=example.labeler or example.source,
            agreement=example.agreement,
            margin=example.margin,
        )
    for rejected in example.negatives:
        yield Dispreferred(**shared, rejected=rejected)


def refusals(example: Example, reason: str) -> Iterator[Refusal]:
    """Yield one refusal for every source row of an example; `raw` is the example as JSON."""
    raw = orjson.dumps(example)
    digest = hashlib.sha256(raw).hexdigest()
    text = raw[:MAX_RAW_BYTES].decode(errors="replace")
    for origin in (example.origin, *example.more_origins):
        file, _, line = origin.rpartition(":")
        yield Refusal(
            source=example.source,
            file=file,
            line=int(line),
            byte_offset=example.byte_offset if origin == example.origin else None,
            reason=reason,
            raw=text,
            raw_sha256=digest,
        )
