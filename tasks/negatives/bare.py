"""Files of bare negatives: prompts with answers that somebody did not want.

A line is {prompt, response}, {prompt, rejected} or {prompt, responses, preferred}. Every response
that is not the preferred one is a negative; `preferred: null` makes all of them negatives. The
prompt is a string or a list of messages.
"""

import difflib
import gzip
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from storage.input_error import InputError
from storage.tables.negatives import Negative
from storage.tables.prompts import Prompt
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.negatives.bare_row import BareRow, BareRowError, parse_bare_row

SOURCE = "bare"
MAX_RAW_BYTES = 64 * 1024
LEAK = "the prompt is one that evaluation asks; training on it would leak"


@dataclass(frozen=True, slots=True)
class BareNegatives:
    """What a file of bare negatives holds; every line that is not blank is in one of the two."""

    negatives: tuple[Negative, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file; `byte_offset` counts in the uncompressed file."""

    number: int
    byte_offset: int
    raw: bytes


def read_bare(
    path: Path,
    *,
    prompt_role: Literal["user", "text"] = "user",
    held_out: Collection[tuple[Message, ...]] = (),
) -> BareNegatives:
    """Return the negatives of a file without anchors, and the lines that were refused.

    `prompt_role` is the role of a prompt that is a string. Prompts in `held_out` (those that
    evaluation asks) are refused: nothing may be trained on them. A negative that an earlier line
    gave already is refused too. A line of several responses may give negatives and refusals.

    Raises:
        InputError: there is no such file, it is not .jsonl or .jsonl.gz, or it breaks off inside
            the compression.
    """
    negatives: dict[str, Negative] = {}
    refusals: list[Refusal] = []
    for line in _lines(_checked(path)):
        try:
            row = parse_bare_row(line.raw, prompt_role)
        except BareRowError as error:
            refusals.append(_refusal(path, line, str(error)))
            continue
        if row.messages in held_out:
            refusals.append(_refusal(path, line, LEAK))
            continue
        faults = [*row.faults]
        for negative in _negatives(path, line, row):
            before = negatives.setdefault(negative.negative_id, negative)
            if before is not negative:
                faults.append(f"repeats the prompt and response of {before.origin}")
        refusals += [_refusal(path, line, fault) for fault in faults]
    return BareNegatives(negatives=tuple(negatives.values()), refusals=tuple(refusals))


def _negatives(path: Path, line: _Line, row: BareRow) -> Iterator[Negative]:
    origin = f"{path.name}:{line.number}"
    prompt = Prompt(source=SOURCE, split="train", messages=row.messages, cluster="", origin=origin)
    for rejected in row.rejected:
        yield Negative(
            prompt_id=prompt.prompt_id,
            source=SOURCE,
            split="train",
            messages=row.messages,
            rejected=rejected,
            origin=origin,
        )


def _refusal(path: Path, line: _Line, reason: str) -> Refusal:
    return Refusal(
        source=SOURCE,
        file=str(path),
        line=line.number,
        byte_offset=line.byte_offset,
        reason=reason,
        raw=line.raw[:MAX_RAW_BYTES].decode("utf-8", errors="replace"),
    )


def _checked(path: Path) -> Path:
    if not path.is_file():
        folder = path.parent
        there = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
        close = difflib.get_close_matches(path.name, there, n=1)
        hint = f"; did you mean {str(folder / close[0])!r}?" if close else ""
        raise InputError(
            f"file of bare negatives {str(path)!r} does not exist{hint} "
            "Give a .jsonl or .jsonl.gz file, or leave the path empty to use the pairs"
        )
    if not path.name.endswith((".jsonl", ".jsonl.gz", ".json", ".json.gz")):
        raise InputError(
            f"file of bare negatives {str(path)!r} is not .jsonl or .jsonl.gz; write one JSON "
            "object a line: {prompt, response}, {prompt, rejected} or {prompt, responses, preferred}"
        )
    return path


def _lines(path: Path) -> Iterator[_Line]:
    """Yield the lines that are not blank, without their line ends."""
    byte_offset = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        try:
            for number, raw in enumerate(file, start=1):
                if raw.strip():
                    yield _Line(number=number, byte_offset=byte_offset, raw=raw.rstrip(b"\r\n"))
                byte_offset += len(raw)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"file {str(path)!r} is damaged after byte {byte_offset} of its content ({error}); "
                "fetch it again"
            ) from error
