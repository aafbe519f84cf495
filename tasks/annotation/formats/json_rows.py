"""Rows of a JSON file: one object a line, a list of objects, or one object."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from tasks.annotation.formats.accepted_formats import unreadable
from tasks.annotation.formats.file_content import Content
from tasks.annotation.formats.file_row import FileRow

_NO_OBJECT = "not a JSON object"
_UNWRITABLE = "JSON holds invalid Unicode, a number out of range, or is nested too deeply"


def is_json(content: bytes) -> bool:
    """Return whether content begins as a JSON object or list does."""
    return content.lstrip()[:1] in {b"{", b"["}


def json_rows(path: Path, content: Content) -> Iterator[FileRow]:
    """Yield the objects of a JSON file; a line or an element that is none has a fault.

    Raises:
        InputError: the file holds a list that is no valid JSON.
    """
    start = content.text.lstrip()
    first = start.partition(b"\n")[0]
    if start.startswith(b"{") and (_is_object(first) or _document(start) is None):
        return _lines(content)
    document = _document(start)
    if document is None:
        raise unreadable(path, "it begins as a JSON list but is no valid JSON")
    return _elements(document if isinstance(document, list) else [document])


def _lines(content: Content) -> Iterator[FileRow]:
    offset = content.offset
    for number, line in enumerate(content.text.split(b"\n"), start=1):
        if line.strip():
            values, fault = _read(line)
            raw = line.strip()
            yield FileRow(line=number, byte_offset=offset, raw=raw, values=values, fault=fault)
        offset += len(line) + 1


def _read(line: bytes) -> tuple[dict[str, Any], str]:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        said = str(error)
        if "not valid UTF-8" in said:
            return {}, "invalid UTF-8"
        if "surrogate" in said:
            return {}, "lone surrogate: text that is not valid Unicode"
        return {}, "invalid JSON"
    return (values, "") if isinstance(values, dict) else ({}, _NO_OBJECT)


def _elements(items: list[Any]) -> Iterator[FileRow]:
    for number, item in enumerate(items, start=1):
        fault = "" if isinstance(item, dict) else _NO_OBJECT
        try:
            raw = orjson.dumps(item)
        except orjson.JSONEncodeError:
            raw, fault = repr(item).encode(errors="backslashreplace"), _UNWRITABLE
        values = {} if fault else item
        yield FileRow(line=number, byte_offset=None, raw=raw, values=values, fault=fault)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _document(content: bytes) -> Any | None:
    """Return content as one JSON value, None if it is none.

    The second reader takes what one element has wrong (a lone surrogate, NaN), so that only this
    element is refused.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(content)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None
