"""The stream of an ingest and what it counts on the way."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from storage.tables.demonstrations import Demonstration
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.quarantine import Refusal
from tasks.ingest.record import Kept

IngestRow = Prompt | Demonstration | PreferencePair | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestCounts:
    """What became of the rows of a source.

    `rows_read` = `rows_kept` + `duplicates` + the sum of `refused` (rows by reason). A row is kept
    if anything new came of it, a duplicate if all that came of it was there already. `written`
    counts the rows of each table.
    """

    rows_read: int
    rows_kept: int
    duplicates: int
    refused: Mapping[str, int]
    written: Mapping[str, int]

    @property
    def rows_refused(self) -> int:
        """Rows in quarantine."""
        return sum(self.refused.values())


class IngestRows:
    """Rows of all tables in the order of the source, each prompt, demonstration and pair once.

    Iterate once; `counts` then holds what was read, kept, refused and repeated. It remembers eight
    bytes of each row's id.
    """

    def __init__(self, outcomes: Iterable[Kept | Refusal]) -> None:
        self._outcomes = outcomes
        self._seen: set[int] = set()
        self._rows_kept = 0
        self._duplicates = 0
        self._refused: Counter[str] = Counter()
        self._written: Counter[str] = Counter()

    def __iter__(self) -> Iterator[IngestRow]:
        """Yield every new row and every refusal."""
        for outcome in self._outcomes:
            if isinstance(outcome, Refusal):
                self._refused[outcome.reason] += 1
                yield outcome
                continue
            new = list(self._rows_of(outcome))
            if new:
                self._rows_kept += outcome.num_rows
            else:
                self._duplicates += outcome.num_rows
            yield from new

    @property
    def counts(self) -> IngestCounts:
        """What was counted so far; final when the iteration is over."""
        refused = sum(self._refused.values())
        return IngestCounts(
            rows_read=self._rows_kept + self._duplicates + refused,
            rows_kept=self._rows_kept,
            duplicates=self._duplicates,
            refused=dict(sorted(self._refused.items())),
            written={"quarantine": refused, **self._written},
        )

    def _rows_of(self, kept: Kept) -> Iterator[Prompt | Demonstration | PreferencePair]:
        """Yield what is new of an outcome, and remember it."""
        if self._is_new(kept.prompt.prompt_id):
            self._written["prompts"] += 1
            yield kept.prompt
        for demonstration in kept.demonstrations:
            if self._is_new(demonstration.demonstration_id):
                self._written["demonstrations"] += 1
                yield demonstration
        for pair in kept.pairs:
            if self._is_new(pair.pair_id):
                self._written["pairs"] += 1
                yield pair

    def _is_new(self, row_id: str) -> bool:
        known = int(row_id, 16)
        if known in self._seen:
            return False
        self._seen.add(known)
        return True
