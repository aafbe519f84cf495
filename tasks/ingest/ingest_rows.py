"""The stream of an ingest and what it counts on the way."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from tasks.ingest.record_stream import RecordStream


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestCounts:
    """What became of the rows of a source.

    `rows_read` = `rows_kept` + `duplicates` + `not_drawn` + the sum of `refused` (rows by reason);
    `not_drawn` are rows that a sample leaves out. `rows_before` of them were read by an earlier
    ingest and not again.
    """

    rows_read: int
    rows_kept: int
    duplicates: int
    refused: Mapping[str, int]
    not_drawn: int = 0
    rows_before: int = 0

    @property
    def rows_refused(self) -> int:
        """Rows in quarantine."""
        return sum(self.refused.values())


@dataclass(slots=True)
class IngestRows:
    """Examples and refusals in the order of the source, each example once.

    Iterate once, over pairs of an id and its example, or an empty id and a refusal; `counts` then
    holds what was read, kept, refused and repeated. `records` are the rows that the outcomes are
    made of, None where they are generated. It remembers eight bytes of each id.
    """

    outcomes: Iterable[Example | Refusal]
    records: RecordStream | None = None
    _rows_before: int = 0
    _seen: set[int] = field(default_factory=set)
    _rows_kept: int = 0
    _duplicates: int = 0
    _refused: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[tuple[str, Example | Refusal]]:
        """Yield every new example with its id, and every refusal."""
        seen = self._seen
        for outcome in self.outcomes:
            if isinstance(outcome, Refusal):
                self._refused[outcome.reason] += 1
                yield "", outcome
                continue
            example_id = outcome.example_id
            known = int(example_id, 16)
            if known in seen:
                self._duplicates += outcome.num_rows
                continue
            seen.add(known)
            self._rows_kept += outcome.num_rows
            yield example_id, outcome

    def know(self, example_ids: Iterable[str]) -> None:
        """Take examples with these ids as duplicates."""
        self._seen.update(int(example_id, 16) for example_id in example_ids)

    def count_before(self, counts: IngestCounts) -> None:
        """Count what an earlier ingest made of the rows that are skipped."""
        self._rows_before += counts.rows_read
        self._rows_kept += counts.rows_kept
        self._duplicates += counts.duplicates
        self._refused.update(counts.refused)

    @property
    def counts(self) -> IngestCounts:
        """What was counted so far; final when the iteration is over."""
        refused = sum(self._refused.values())
        accounted = self._rows_kept + self._duplicates + refused
        taken = self.records.num_rows + self._rows_before if self.records else accounted
        return IngestCounts(
            rows_read=taken,
            rows_kept=self._rows_kept,
            duplicates=self._duplicates,
            refused=dict(sorted(self._refused.items())),
            not_drawn=taken - accounted,
            rows_before=self._rows_before,
        )
