"""The comparison that a row states, in the words that all formats share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storage.tables.completions import Completion
from storage.tables.prompts import prompt_id
from tasks.annotation.comparison_item import SIDES, TIE, ComparisonItem, Response
from tasks.annotation.formats.exported_item import ExportedItem, exported_item_in
from tasks.annotation.formats.file_row import FileName, FileRow
from tasks.annotation.formats.prompt_in_row import prompt_in_row
from tasks.annotation.formats.responses_in_row import responses_in_row
from tasks.annotation.formats.sides import side_in
from tasks.annotation.formats.texts import text_in
from tasks.annotation.formats.unusable_row import UnusableRowError

SPLITS = ("train", "judge", "eval")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadItem:
    """A comparison, its answers as completions, and what the file calls each answer.

    `completions` has the answers whose id is the one of their content; those of a store, which an
    export names by their ids, have their rows there.
    """

    item: ComparisonItem
    completions: tuple[Completion, ...]
    names: tuple[str, ...]


def comparison_in_row(values: Mapping[str, Any], row: FileRow, file: FileName) -> ReadItem:
    """Return the comparison of `values`, which stand in `row`.

    Raises:
        UnusableRowError: it states none.
    """
    exported = exported_item_in(values)
    messages = prompt_in_row(values)
    found = responses_in_row(values, len(exported.completions) if exported else None)
    source = text_in(values.get("source") or file.stem, "source")
    if exported:
        exported.check(source, messages, found.texts)
    asked = exported.prompt_id if exported else prompt_id(source, messages)
    policies = _policies(values.get("models"), len(found.texts))
    made = _completions(asked, found.texts, policies, file)
    known = _known(values, SIDES[: len(found.texts)], file)
    item = ComparisonItem(
        prompt_id=asked,
        source=source,
        split=_split(values.get("split")),
        messages=messages,
        origin=exported.origin if exported else f"{file.name}:{row.line}",
        responses=_responses(made, policies, exported),
        judge=known.judge,
        judged=known.judged,
        gold=known.gold,
    )
    own = {response.completion_id for response in item.responses}
    kept = tuple(row for row in made if row.completion_id in own)
    return ReadItem(item=item, completions=kept, names=found.names)


def _responses(
    made: Sequence[Completion], policies: Sequence[str], exported: ExportedItem | None
) -> tuple[Response, ...]:
    ids = exported.completions if exported else [row.completion_id for row in made]
    if len(set(ids)) < len(ids):
        raise UnusableRowError("two responses of one model are the same")
    return tuple(
        Response(completion_id=named, text=row.text, policy=policy)
        for named, row, policy in zip(ids, made, policies, strict=True)
    )


def _completions(
    asked: str, texts: Sequence[str], policies: Sequence[str], file: FileName
) -> list[Completion]:
    """Return the answers as sampled ones; several of one model differ in their index."""
    drawn: Counter[str] = Counter()
    rows = []
    for place, (text, policy) in enumerate(zip(texts, policies, strict=True), start=1):
        named = policy or f"{file.stem}:{place}"
        rows.append(
            Completion(
                prompt_id=asked,
                policy=named,
                text=text,
                sample_index=drawn[named],
                temperature=1.0,
                seed=0,
                finish_reason="stop",
                num_tokens=0,
            )
        )
        drawn[named] += 1
    return rows


def _policies(value: object, count: int) -> list[str]:
    """Return who wrote each answer, empty where the row does not say."""
    if value is None:
        return [""] * count
    if not isinstance(value, list) or len(value) != count:
        raise UnusableRowError(f"models is no list of {count} names, one for each response")
    return [text_in(name or "", "models", may_be_empty=True) for name in value]


def _split(value: object) -> str:
    split = "train" if value in (None, "") else value
    if split not in SPLITS:
        raise UnusableRowError(f"split is none of {', '.join(SPLITS)}")
    return str(split)


class _Known(NamedTuple):
    gold: str | None
    judge: str
    judged: str | None


def _known(values: Mapping[str, Any], sides: str, file: FileName) -> _Known:
    """Return gold and judge. Whoever called an answer chosen is a judge under the file's name."""
    gold, judged = (
        None if values.get(name) in (None, "") else side_in(values[name], sides, name, (TIE,))
        for name in ("gold", "judged")
    )
    judge = text_in(values.get("judge") or "", "judge", may_be_empty=True)
    if judged and not judge:
        raise UnusableRowError("judged without a judge")
    if values.get("chosen") is not None and not judge:
        judge, judged = file.stem, sides[0]
    return _Known(gold, judge, judged)
