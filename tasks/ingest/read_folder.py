"""Reviews that stand in a file each: the aclImdb folder of Maas et al. 2011.

Its train and test folders hold pos/ and neg/ with one review a file. The reviews of unsup/ have no
sentiment and are left out.
"""

from collections.abc import Iterator
from pathlib import Path

from tasks.ingest.record import Record
from tasks.ingest.source_file import MAX_LINE_BYTES, SourceFile

SENTIMENTS = ("pos", "neg")


def is_review(path: str) -> bool:
    """Return whether a file is one review, by its name and that of its folder."""
    where = Path(path)
    return where.suffix == ".txt" and where.parent.name in SENTIMENTS


def review_files(folder: Path) -> list[Path]:
    """Return the reviews of a folder like aclImdb, or of its train or test folder, sorted."""
    return sorted(
        path
        for sentiment in SENTIMENTS
        for pattern in (f"{sentiment}/*.txt", f"*/{sentiment}/*.txt")
        for path in folder.glob(pattern)
    )


def review_records(file: SourceFile) -> Iterator[Record]:
    """Yield the one row of a file: its text as `review`, the name of its folder as `sentiment`."""
    content = file.read(MAX_LINE_BYTES)
    if content is None:
        yield Record(file=file.path, line=1, byte_offset=0, raw=b"", values={}, fault=_TOO_LONG)
        return
    text = content.decode(errors="surrogateescape")
    yield Record(
        file=file.path,
        line=1,
        byte_offset=0,
        raw=content,
        values={"review": text, "sentiment": Path(file.path).parent.name},
        fault="" if content.strip() else "empty file",
    )


_TOO_LONG = "file over 16 MB"
