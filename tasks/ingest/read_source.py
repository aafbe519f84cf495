"""Reading a source: what the stage calls."""

from itertools import islice
from typing import NamedTuple

from storage.input_error import InputError
from tasks.ingest import risk
from tasks.ingest.columns import match_columns
from tasks.ingest.ingest_rows import IngestRows
from tasks.ingest.params import GENERATED, IngestParams
from tasks.ingest.prefix import Prefix
from tasks.ingest.read_hub import hub_fingerprint, load_hub
from tasks.ingest.read_records import read_records
from tasks.ingest.record_stream import RecordStream
from tasks.ingest.reviews import review_rows
from tasks.ingest.risk_synthetic import risk_synthetic_rows
from tasks.ingest.source_file import SourceFile
from tasks.ingest.source_files import find_source_files, fingerprint_of
from tasks.ingest.sources import SOURCES
from tasks.progress import Progress, silent

NUM_CHECKED_ROWS = 20


def read_source(
    params: IngestParams, progress: Progress = silent, before: Prefix | None = None
) -> IngestRows:
    """Return the rows of a source as a stream, which counts while it is read.

    Where the file begins with `before`, only what comes after it is read, and `skipped` of the
    result is true. Memory does not grow with the file, but for the ids of rows and for a JSON
    array, which can only be read as a whole. `progress` gets bytes of files, rows of anything else.

    Raises:
        InputError: the source cannot be read, at once or, where a file breaks off in the middle,
            while the rows are taken.
    """
    if params.source == "reviews":
        return IngestRows(review_rows(params, progress))
    if params.source == "risk-synthetic":
        return IngestRows(risk_synthetic_rows(params, progress))
    check_source(params)
    records = RecordStream(params, progress, before)
    return IngestRows(SOURCES[params.source].rows(records, params), records)


def can_be_appended_to(params: IngestParams) -> bool:
    """Return whether rows after those that were read before can be understood without them."""
    is_file = params.source not in GENERATED and not params.hub_id
    return is_file and not params.limit and SOURCES[params.source].row_by_row(params)


def check_source(params: IngestParams) -> None:
    """Check cheaply that the source is there and has the columns that it must have.

    Raises:
        InputError: it is not, or has not; the message says what was found and what is expected.
    """
    if params.source in GENERATED:
        return
    shapes = SOURCES[params.source].shapes(params)
    if params.hub_id:
        match_columns(load_hub(params).column_names, shapes, f"hub dataset {params.hub_id!r}")
        return
    found = {path: _columns(path) for path in find_source_files(params)}
    readable = {path: columns for path, columns in found.items() if columns.names}
    if not readable:
        path, columns = next(iter(found.items()))
        raise InputError(
            f"none of the first rows of {path} can be read ({columns.faults}); name a file of the "
            "source"
        )
    for path, columns in readable.items():
        _check_reasoned(params, match_columns(columns.names, shapes, path), path)


def source_fingerprint(params: IngestParams) -> dict[str, str]:
    """Return what identifies the source's content, empty where the parameters already do.

    Raises:
        InputError: there is no such file.
    """
    if params.hub_id:
        return hub_fingerprint(params, params.hub_revision)
    return fingerprint_of(find_source_files(params)) if params.path else {}


class _Columns(NamedTuple):
    """The columns of the first rows of a file that can be read, and why others cannot."""

    names: tuple[str, ...]
    faults: str


def _columns(path: str) -> _Columns:
    with SourceFile(path) as file:
        records = list(islice(read_records(file), NUM_CHECKED_ROWS))
    readable = [record for record in records if not record.fault]
    return _Columns(
        names=tuple(dict.fromkeys(name for record in readable for name in record.values)),
        faults=", ".join(sorted({record.fault for record in records})) or "it holds no row",
    )


def _check_reasoned(params: IngestParams, shape: tuple[str, ...], path: str) -> None:
    wanted = params.source == "risk" and params.risk_answers == "reasoned"
    if wanted and shape not in risk.REASONED_SHAPES:
        expected = " or ".join(", ".join(known) for known in risk.REASONED_SHAPES)
        raise InputError(
            f"risk_answers is 'reasoned', but {path} holds bare labels only; set risk_answers to "
            f"'labels', or name a file with {expected}"
        )
