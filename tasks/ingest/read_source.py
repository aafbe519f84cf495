"""Reading a source: what the stage calls."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from storage.input_error import InputError
from storage.tables.quarantine import Refusal
from tasks.ingest import hh_rlhf, imdb, risk
from tasks.ingest.columns import Columns, match_columns
from tasks.ingest.ingest_rows import IngestRows
from tasks.ingest.params import IngestParams
from tasks.ingest.read_hub import hub_records, load_hub
from tasks.ingest.read_records import read_records
from tasks.ingest.record import Kept, Record
from tasks.ingest.reviews import review_rows
from tasks.ingest.source_file import SourceFile, sha256_of_file
from tasks.progress import Progress, silent

NUM_CHECKED_ROWS = 20
NUM_ROWS_BETWEEN_UPDATES = 200


@dataclass(frozen=True, slots=True)
class _External:
    """A source that stands in a file or on the hub: its possible columns and its reader."""

    shapes: tuple[Columns, ...]
    rows: Callable[[Iterable[Record], IngestParams], Iterator[Kept | Refusal]]


_EXTERNAL = {
    "hh-rlhf": _External(hh_rlhf.SHAPES, hh_rlhf.hh_rlhf_rows),
    "imdb": _External(imdb.SHAPES, imdb.imdb_rows),
    "risk": _External(risk.SHAPES, risk.risk_rows),
}


def read_source(params: IngestParams, progress: Progress = silent) -> IngestRows:
    """Return the rows of a source as a stream, which counts while it is read.

    Memory does not grow with the file, but for the ids of rows and for a JSON array, which can only
    be read as a whole. `progress` gets bytes of a file, rows of anything else.

    Raises:
        InputError: the source cannot be read, at once or, where a file breaks off in the middle,
            while the rows are taken.
    """
    if params.source == "reviews":
        return IngestRows(review_rows(params, progress))
    source = _EXTERNAL[params.source]
    check_source(params)
    records = _hub(params, progress) if params.hub_id else _file(params, progress)
    return IngestRows(source.rows(islice(records, params.limit or None), params))


def check_source(params: IngestParams) -> None:
    """Check cheaply that the source is there and has the columns that it must have.

    Raises:
        InputError: it is not, or has not; the message says what was found and what is expected.
    """
    if params.source == "reviews":
        return
    shapes = _EXTERNAL[params.source].shapes
    if params.hub_id:
        match_columns(load_hub(params).column_names, shapes, f"hub dataset {params.hub_id!r}")
        return
    with SourceFile(params.path) as file:
        first = list(islice(read_records(file), NUM_CHECKED_ROWS))
    shape = match_columns(_columns(first, params.path), shapes, params.path)
    if params.risk_answers == "reasoned" and params.source == "risk" and shape is shapes[0]:
        raise InputError(
            f"risk_answers is 'reasoned', but {params.path} holds bare labels only; set "
            f"risk_answers to 'labels', or name a file with {', '.join(shapes[1])}"
        )


def source_fingerprint(params: IngestParams) -> dict[str, str]:
    """Return what identifies the source's content, empty where the parameters already do.

    Raises:
        InputError: there is no such file.
    """
    if params.hub_id:
        return {"hub_id": params.hub_id, "hub_revision": params.hub_revision}
    return {"sha256": sha256_of_file(params.path)} if params.path else {}


def _columns(records: list[Record], path: str) -> list[str]:
    """Return the columns of the first rows that could be read."""
    readable = [record for record in records if not record.fault]
    if not readable:
        faults = ", ".join(sorted({record.fault for record in records})) or "it holds no row"
        raise InputError(
            f"none of the first rows of {path} can be read ({faults}); name a file of the source"
        )
    return list(dict.fromkeys(name for record in readable for name in record.values))


def _file(params: IngestParams, progress: Progress) -> Iterator[Record]:
    with SourceFile(params.path) as file:
        progress(0, file.num_bytes)
        for number, record in enumerate(read_records(file), start=1):
            yield record
            if number % NUM_ROWS_BETWEEN_UPDATES == 0:
                progress(file.bytes_read, file.num_bytes, f"{number:,} rows")
        progress(file.num_bytes, file.num_bytes)


def _hub(params: IngestParams, progress: Progress) -> Iterator[Record]:
    dataset = load_hub(params)
    num_rows = len(dataset)
    for number, record in enumerate(hub_records(dataset, params.hub_id), start=1):
        yield record
        if number % NUM_ROWS_BETWEEN_UPDATES == 0:
            progress(number, num_rows)
    progress(num_rows, num_rows)
