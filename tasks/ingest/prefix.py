"""The start of a file that was read before, so that only what was appended is read again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """What a file held when it was read to its end, which was the end of a line.

    `num_bytes` and `sha256` are of the unpacked content, with a byte order mark, so that packing the
    file anew changes neither. `columns` is the header of a CSV file and `delimiter` what stands
    between its fields; both are empty for JSON lines.
    """

    num_bytes: int
    sha256: str
    num_lines: int
    columns: tuple[str, ...] = ()
    delimiter: str = ""
