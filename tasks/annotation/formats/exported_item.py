"""What a file that we wrote says of a comparison besides its texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from storage.tables.table import Message, row_id
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.formats.sides import place_of
from tasks.annotation.formats.texts import text_in
from tasks.annotation.formats.unusable_row import UnusableRowError

KEY = "prefline"
"""The key, column or metadata field that holds it in each format."""
_CHANGED = "texts differ from those that were exported; the labels are of others"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedItem:
    """The ids of a comparison, where its prompt came from, and a digest of all its texts."""

    prompt_id: str
    completions: tuple[str, ...]
    origin: str
    digest: str

    def check(self, source: str, messages: Sequence[Message], texts: Sequence[str]) -> None:
        """Check that the texts are those that have these ids.

        Raises:
            UnusableRowError: somebody has changed them since.
        """
        if digest_of(source, messages, texts) != self.digest:
            raise UnusableRowError(_CHANGED)


def digest_of(source: str, messages: Sequence[Message], texts: Sequence[str]) -> str:
    """Return an id over everything that people read, and over the source."""
    return row_id(source, [(turn.role, turn.content) for turn in messages], list(texts))


def exported_ids(item: ComparisonItem) -> dict[str, Any]:
    """Return what `exported_item_in` reads."""
    return {
        "prompt_id": item.prompt_id,
        "completions": [response.completion_id for response in item.responses],
        "origin": item.origin,
        "digest": digest_of(
            item.source, item.messages, [response.text for response in item.responses]
        ),
    }


def exported_facts(item: ComparisonItem) -> dict[str, Any]:
    """Return what a comparison is besides its texts, with its ids under `KEY`."""
    facts: dict[str, Any] = {"source": item.source, "split": item.split}
    if any(response.policy for response in item.responses):
        facts["models"] = [response.policy for response in item.responses]
    known = {"gold": place_of(item.gold), "judge": item.judge, "judged": place_of(item.judged)}
    facts |= {name: value for name, value in known.items() if value not in (None, "")}
    return facts | {KEY: exported_ids(item)}


def exported_item_in(values: Mapping[str, Any]) -> ExportedItem | None:
    """Return what we wrote about a comparison, None where somebody else wrote the row.

    Raises:
        UnusableRowError: it is there, but not as we write it.
    """
    block = unpacked(values.get(KEY))
    if not block:
        return None
    completions = block.get("completions")
    if not isinstance(completions, list) or len(set(map(str, completions))) != len(completions):
        raise UnusableRowError(f"{KEY} does not name each answer by an id of its own")
    return ExportedItem(
        prompt_id=text_in(block.get("prompt_id"), f"{KEY}.prompt_id"),
        completions=tuple([text_in(one, f"{KEY}.completions") for one in completions]),
        origin=text_in(block.get("origin"), f"{KEY}.origin", may_be_empty=True),
        digest=text_in(block.get("digest"), f"{KEY}.digest"),
    )


def unpacked(block: object) -> dict[str, Any]:
    """Return a JSON object that may stand as text, empty if there is none.

    Raises:
        UnusableRowError: it is something else.
    """
    if block in (None, ""):
        return {}
    try:
        read = orjson.loads(block) if isinstance(block, str) else block
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict):
        raise UnusableRowError(f"{KEY} is no JSON object")
    return read
