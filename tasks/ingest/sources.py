"""The sources that are read from a file or the hub, by name."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from tasks.ingest import (
    hh_rlhf,
    imdb,
    negatives,
    pku_saferlhf,
    preferences,
    prompt_rows,
    risk,
    shp,
    ultrafeedback,
)
from tasks.ingest.columns import Columns
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record

Shapes = tuple[Columns, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """How the rows of a source are understood.

    `shapes` are the columns that it may have. Where `rows` looks at each row alone, rows that are
    appended to a file can be read without the others.
    """

    shapes: Callable[[IngestParams], Shapes]
    rows: Callable[[Iterable[Record], IngestParams], Iterator[Example | Refusal]]
    row_by_row: Callable[[IngestParams], bool] = lambda _: True


def _always(shapes: Shapes) -> Callable[[IngestParams], Shapes]:
    return lambda _: shapes


def _unpaired(params: IngestParams) -> bool:
    return params.imdb_pairs == "none"


SOURCES = {
    "hh-rlhf": Source(_always(hh_rlhf.SHAPES), hh_rlhf.hh_rlhf_rows),
    "imdb": Source(_always(imdb.SHAPES), imdb.imdb_rows, _unpaired),
    "risk": Source(_always(risk.SHAPES), risk.risk_rows, lambda _: False),
    "shp": Source(_always(shp.SHAPES), shp.shp_rows),
    "pku-saferlhf": Source(_always(pku_saferlhf.SHAPES), pku_saferlhf.pku_saferlhf_rows),
    "ultrafeedback-binarized": Source(
        _always(ultrafeedback.SHAPES), ultrafeedback.ultrafeedback_rows
    ),
    "preferences": Source(preferences.shapes, preferences.preferences_rows),
    "prompts": Source(prompt_rows.shapes, prompt_rows.prompt_rows),
    "negatives": Source(negatives.shapes, negatives.negatives_rows),
}
