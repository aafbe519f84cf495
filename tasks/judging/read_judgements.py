"""Verdicts of a judge that were made elsewhere, from a file with one comparison a line."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from storage.input_error import InputError
from tasks.judging.judged_comparison import JudgedComparison, Side

_GZIP_MAGIC = b"\x1f\x8b"
_KEYS = (
    "dataset",
    "evaluator",
    "strategy",
    "index",
    "label",
    "winner_original",
    "winner_swapped",
)
_SIDES: dict[str, Side] = {"1": "a", "2": "b", "tie": "tie"}


def read_judgements(path: str) -> list[JudgedComparison]:
    """Return the comparisons of a .jsonl or .jsonl.gz file in the shape of LLMBar's judgements.

    A line is an object with `dataset`, `evaluator`, `strategy`, `index`, `label`,
    `winner_original` and `winner_swapped`, and may hold more. The last three are 1, 2, "tie" or
    null. **Both winners are in the original frame**: 1 is the answer that stood first in the
    original order, also in `winner_swapped`, as the replies in that file show: where
    `completion_swapped` prefers "Output (a)", which is the second answer there, `winner_swapped`
    is 2. The judge is called `evaluator/strategy`; prompts are `dataset/index`.

    Raises:
        InputError: no such file, a broken one, none or a bad row in it, or one comparison twice.
    """
    comparisons: list[JudgedComparison] = []
    line_of: dict[tuple[str, str], int] = {}
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.isspace():
                continue
            where = f"{path}, line {number}"
            comparison = _comparison(where, _values(where, line))
            before = line_of.setdefault((comparison.judge, comparison.comparison_id), number)
            if before != number:
                raise InputError(
                    f"{where}: judge {comparison.judge!r} has judged {comparison.comparison_id!r} "
                    f"on line {before} already, but one line a judge and comparison is expected; "
                    "remove one of them"
                )
            comparisons.append(comparison)
    if not comparisons:
        raise InputError(f"{path} holds no row; each line must be an object with {_listed(_KEYS)}")
    return comparisons


@contextmanager
def _opened(path: str) -> Iterator[Iterable[bytes]]:
    """Give the file as unpacked lines."""
    try:
        with Path(path).open("rb") as stored:
            is_packed = stored.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            stored.seek(0)
            if is_packed:
                with gzip.open(stored, "rb") as unpacked:
                    yield unpacked
            else:
                yield stored
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path} is a broken gzip file ({error}); fetch or pack it again"
        ) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); give the path of a .jsonl or "
            ".jsonl.gz file of judgements"
        ) from error


def _values(where: str, line: bytes) -> Mapping[str, Any]:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"{where} is not JSON ({error}): {_cut(line.decode(errors='replace'))}; write one "
            "object a line"
        ) from error
    if not isinstance(values, dict):
        raise InputError(
            f"{where} is {_cut(values)}, but an object with {_listed(_KEYS)} is needed"
        )
    missing = [key for key in _KEYS if key not in values]
    if missing:
        raise InputError(
            f"{where} has no {_listed(missing)}, only {_listed(values)}; add it (null where a reply "
            "could not be read, or where no person gave a label)"
        )
    return values


def _comparison(where: str, values: Mapping[str, Any]) -> JudgedComparison:
    dataset, evaluator, strategy = (
        _name(where, key, values[key]) for key in ("dataset", "evaluator", "strategy")
    )
    index = values["index"]
    if isinstance(index, bool) or not isinstance(index, int | str) or index == "":
        raise InputError(
            f"{where} has index {_cut(index)}, but a whole number or a name is needed, the same for "
            "every judge of that comparison"
        )
    prompt_id = f"{dataset}/{index}"
    return JudgedComparison(
        judge=f"{evaluator}/{strategy}",
        comparison_id=prompt_id,
        prompt_id=prompt_id,
        first=_side(where, "winner_original", values),
        second=_side(where, "winner_swapped", values),
        label=_side(where, "label", values),
    )


def _name(where: str, key: str, value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise InputError(f"{where} has {key} {_cut(value)}, but a name is needed; write it as text")


def _side(where: str, key: str, values: Mapping[str, Any]) -> Side | None:
    value = values[key]
    if value is None:
        return None
    side = _SIDES.get(str(value))
    if side is None:
        raise InputError(
            f'{where} has {key} {_cut(value)}, but 1, 2, "tie" or null is needed: 1 and 2 are the '
            "answers in their original order, null is no readable reply or no label"
        )
    return side


def _listed(keys: Mapping[str, Any] | tuple[str, ...] | list[str]) -> str:
    return ", ".join(repr(key) for key in keys) or "no key"


def _cut(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004  - one line of a terminal
