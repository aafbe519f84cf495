"""Which examples are good enough, and in which split each of them is."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage.tables.examples import Example
from storage.tables.quality import QualityFinding
from tasks.curation.findings import Report
from tasks.curation.length_bias import length_bias
from tasks.curation.near_duplicates import near_duplicate_leaders
from tasks.curation.ngram_overlap import find_overlaps
from tasks.curation.params import CurateParams
from tasks.curation.screening import NO_TOKENS, Screener, Screening, answers_of
from tasks.curation.split import split_of
from tasks.curation.token_count import open_token_counter
from tasks.progress import Progress, silent

Batches = Callable[[NDArray[np.bool_] | None], Iterable[Sequence[Example]]]
"""Gives the examples from the start, in batches: all, or those of which an array says True."""
REPEATED = "repeats an earlier row but for case, punctuation or white space"
NEARLY_REPEATED = "nearly repeats the question of an earlier row"
OVERLAPS = "shares a run of words with an evaluation prompt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curation:
    """The verdict on every example, in order.

    `refused` maps the index of an example to the reason; `clusters` and `splits` are of all.
    `failures` say why the data must not be used at all, empty if it may.
    """

    num_rows: Sequence[int]
    refused: dict[int, str]
    clusters: Sequence[str]
    splits: Sequence[str]
    findings: tuple[QualityFinding, ...]
    failures: tuple[str, ...]

    @property
    def refused_rows(self) -> Counter[str]:
        """Source rows by the reason why they are refused."""
        rows: Counter[str] = Counter()
        for index, reason in self.refused.items():
            rows[reason] += self.num_rows[index]
        return rows


def curate(
    batches: Batches, params: CurateParams, *, source: str, progress: Progress = silent
) -> Curation:
    """Return which examples are refused and how the others are split.

    Raises:
        InputError: the tokenizer cannot be loaded.
    """
    counter = open_token_counter(params.tokenizer)
    screener = Screener(params, counter)
    for batch in batches(None):
        screener.look_at(batch)
        progress(len(screener.seen), 0, "rows looked at")
    curator = _Curator(batches, params, screener.seen, source)
    return curator.curate(counter.unit, progress)


class _Curator:
    """Applies the checks in order; a row is refused for the first one that finds it."""

    def __init__(
        self, batches: Batches, params: CurateParams, seen: Screening, source: str
    ) -> None:
        self._batches = batches
        self._params = params
        self._seen = seen
        self._source = source
        self._report = Report(source)
        self._refused: dict[int, str] = {}

    def curate(self, unit: str, progress: Progress) -> Curation:
        params, seen = self._params, self._seen
        for check, found in seen.found.items():
            self._judge(check, getattr(params, check), found)
        if params.duplicates != "off":
            self._judge("duplicates", params.duplicates, self._repeated())
        clusters = self._clusters(progress)
        place = {cluster: self._split(cluster) for cluster in set(clusters)}
        splits = [place[cluster] for cluster in clusters]
        overlap = params.overlap_action(self._source)
        if overlap != "off":
            self._judge("overlap", overlap, self._overlapping(splits))
        if params.length_bias != "off":
            self._weigh_lengths(clusters, splits, unit)
        self._report.splits(self._kept(clusters), self._kept(splits))
        return Curation(
            num_rows=seen.num_rows,
            refused=self._refused,
            clusters=clusters,
            splits=splits,
            findings=self._report.findings,
            failures=self._report.failures,
        )

    def _judge(self, check: str, action: str, found: dict[int, str]) -> None:
        """Report what a check found among the rows that are left, and refuse it if asked."""
        new = {index: reason for index, reason in found.items() if index not in self._refused}
        num_checked = len(self._seen) - len(self._refused)
        self._report.found(check, action, num_checked, Counter(new.values()))
        if action == "quarantine":
            self._refused.update(new)

    def _kept(self, values: Sequence[str]) -> list[str]:
        return [value for index, value in enumerate(values) if index not in self._refused]

    def _repeated(self) -> dict[int, str]:
        known: set[int] = set()
        repeated: dict[int, str] = {}
        for index, content in enumerate(self._seen.contents):
            if index in self._refused:
                continue
            if content in known:
                repeated[index] = REPEATED
            known.add(content)
        return repeated

    def _clusters(self, progress: Progress) -> list[str]:
        """Return the cluster of each example: that of the earliest near duplicate of its opening."""
        seen, params = self._seen, self._params
        if params.near_duplicates == "off":
            return seen.clusters
        names = list(dict.fromkeys(self._kept(seen.clusters)))
        leaders = near_duplicate_leaders(
            [seen.openings[name] for name in names],
            threshold=params.near_duplicate_threshold,
            progress=progress,
        )
        leader_of = {name: names[leader] for name, leader in zip(names, leaders, strict=True)}
        clusters = [leader_of.get(name, name) for name in seen.clusters]
        pairs = zip(seen.clusters, clusters, strict=True)
        near = {index: NEARLY_REPEATED for index, (own, name) in enumerate(pairs) if own != name}
        self._judge("near_duplicates", params.near_duplicates, near)
        return clusters

    def _split(self, cluster: str) -> str:
        params = self._params
        return split_of(
            cluster,
            seed=params.seed,
            judge_share=params.judge_share,
            eval_share=params.eval_share,
        )

    def _overlapping(self, splits: Sequence[str]) -> dict[int, str]:
        held_out = np.array(splits) == "eval"
        kept = np.ones(len(splits), np.bool_)
        kept[list(self._refused)] = False
        evaluated = pa.table(_columns(self._texts(held_out & kept, with_answers=False)))
        learned = self._texts(~held_out & kept, with_answers=True)
        schema = pa.schema([("row", pa.int64()), ("text", pa.string())])
        reader = pa.RecordBatchReader.from_batches(schema, _record_batches(learned, schema))
        overlaps = find_overlaps(reader, evaluated, n=self._params.overlap_words)
        return dict.fromkeys(overlaps.column("row").to_pylist(), OVERLAPS)

    def _texts(self, wanted: NDArray[np.bool_], *, with_answers: bool) -> Iterator[tuple[int, str]]:
        """Yield the index of each wanted example with its texts; a system message says the same to all."""
        examples = chain.from_iterable(self._batches(wanted))
        for index, example in zip(np.flatnonzero(wanted).tolist(), examples, strict=True):
            turns = [turn.content for turn in example.messages if turn.role != "system"]
            yield index, "\n".join([*turns, *(answers_of(example) if with_answers else ())])

    def _weigh_lengths(self, clusters: Sequence[str], splits: Sequence[str], unit: str) -> None:
        """Compare the lengths of chosen and rejected answers that may be trained on."""
        seen = self._seen
        chosen = np.array(seen.chosen_tokens, dtype=np.int64)
        compared = (chosen != NO_TOKENS) & (np.array(splits) == "train")
        compared[list(self._refused)] = False
        if compared.any():
            bias = length_bias(
                chosen[compared],
                np.array(seen.rejected_tokens, dtype=np.int64)[compared],
                list(compress(clusters, compared)),
            )
            self._report.length_bias(bias, self._params.length_bias, unit)


def _columns(texts: Iterable[tuple[int, str]]) -> dict[str, pa.Array]:
    rows = list(texts)
    return {
        "row": pa.array([row for row, _ in rows], pa.int64()),
        "text": pa.array([text for _, text in rows], pa.string()),
    }


def _record_batches(
    texts: Iterable[tuple[int, str]], schema: pa.Schema, size: int = 2_048
) -> Iterator[pa.RecordBatch]:
    rows: list[tuple[int, str]] = []
    for row in texts:
        rows.append(row)
        if len(rows) == size:
            yield pa.RecordBatch.from_pydict(_columns(rows), schema=schema)
            rows = []
    yield pa.RecordBatch.from_pydict(_columns(rows), schema=schema)
