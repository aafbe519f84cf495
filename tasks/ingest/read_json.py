"""Rows of JSON files: one object a line, or one array of objects.

Of a key that stands twice in an object the last value counts; whole numbers beyond 64 bits become
floats.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from storage.input_error import InputError
from tasks.ingest.record import Record
from tasks.ingest.source_file import SourceFile

LONG_LINE = "line over 16 MB"
TOO_DEEP = "JSON nested too deeply"
MAX_ARRAY_BYTES = 1_000_000_000


def json_records(file: SourceFile) -> Iterator[Record]:
    """Yield the objects of a .json file, which may as well hold one object a line.

    Raises:
        InputError: it holds neither an array nor lines of objects, or too large an array.
    """
    is_document = not file.after and _is_document(file.head())  # what was skipped were lines
    return _json_array(file) if is_document else json_lines(file)


def json_lines(file: SourceFile) -> Iterator[Record]:
    """Yield one row a line; a line that cannot be read has a fault. Blank lines are no rows."""
    path = file.path
    loads = orjson.loads
    for number, offset, content, sha256 in file.lines():
        values: Any = None
        if sha256:  # its start may be an object, or blank
            fault = LONG_LINE
        else:
            try:
                values = loads(content)
                fault = "" if type(values) is dict else "not a JSON object"
            except orjson.JSONDecodeError as error:
                if content.isspace():
                    continue
                fault = _fault(content, error)
        yield Record(
            file=path,
            line=number,
            byte_offset=offset,
            raw=content.strip(),
            raw_sha256=sha256,
            values={} if fault else values,
            fault=fault,
        )
    file.prefix = file.prefix_so_far()


def _fault(content: bytes, error: orjson.JSONDecodeError) -> str:
    if b"\0" in content:
        return "NUL byte"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "invalid UTF-8"
    said = str(error)
    if "depth limit" in said:
        return TOO_DEEP
    return "JSON number out of range" if "infinity" in said else "invalid JSON"


def _is_document(head: bytes) -> bool:
    """Return whether a file is one JSON value, and not one object a line.

    It is one value unless its first line is an object and another line begins with a brace: a lone
    object is more likely a file of another kind.
    """
    first, _, rest = head.lstrip().partition(b"\n")
    one_object = first.startswith(b"{") and first.rstrip().endswith(b"}")
    return not (one_object and rest.lstrip().startswith(b"{"))


def _json_array(file: SourceFile) -> Iterator[Record]:
    """Yield the objects of a JSON array, which is read as a whole: it has no lines to stream."""
    for number, item in enumerate(_items(file), start=1):
        fault = "" if isinstance(item, dict) else "not a JSON object"
        try:
            raw = orjson.dumps(item)
        except orjson.JSONEncodeError:  # it reads 1024 levels, but writes only 254
            raw, fault = b"", TOO_DEEP
        yield Record(
            file=file.path, line=number, raw=raw, values={} if fault else item, fault=fault
        )


def _items(file: SourceFile) -> list[Any]:
    content = file.read(MAX_ARRAY_BYTES)
    if content is None:
        raise InputError(
            f"{file.path} holds a JSON array of more than {MAX_ARRAY_BYTES:,} bytes, which would have "
            "to be held in memory; write it as .jsonl, one object a line"
        )
    try:
        items = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"{file.path} is not valid JSON ({_fault(content, error)}: {error}); correct it, or name "
            "it .jsonl if it holds one object a line"
        ) from error
    if not isinstance(items, list):
        raise InputError(
            f"{file.path} holds a JSON {type(items).__name__}, but a list of objects is expected"
        )
    return items
