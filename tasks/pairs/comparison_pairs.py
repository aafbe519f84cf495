"""Compared answers to a prompt become preference pairs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import fsum

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.judging.comparison import Comparison
from tasks.judging.params import JudgingParams
from tasks.pairs.answers import distinct_texts
from tasks.pairs.fate import Fate, why_lost
from tasks.pairs.prompt_outcome import PairedPrompt
from tasks.pairs.settled import Settled, settle

OVERALL_LOSES = "the answer that is best overall loses to the one that is worst overall"


@dataclass(frozen=True, slots=True, order=True)
class _Standing:
    """How an answer did in all comparisons that can be believed.

    `copeland` is the number of answers that it beats less the number of those that beat it
    (Copeland's rule); ties and orders that differ count in the margin only.
    """

    copeland: int
    mean_margin: float


def comparisons_of(prompt: Prompt, answers: Sequence[Completion]) -> list[Comparison]:
    """Return every two answers with different texts; of answers with the same text the first."""
    return [Comparison(prompt, a, b) for a, b in combinations(distinct_texts(answers), 2)]


def pair_comparisons(
    comparisons: Sequence[Comparison],
    verdicts: Sequence[Verdict],
    params: JudgingParams,
    *,
    num_same_text: int,
) -> PairedPrompt:
    """Return the pairs of one prompt from all comparisons of its answers, two verdicts for each.

    `all` makes a pair of each comparison that is decided. `best-worst` makes one of the answer with
    the best standing and the one with the worst, if these two differ in standing and their own
    comparison says the same; among equals it takes the first. The fates count every two answers.
    """
    settled = [
        settle(comparison, first, second, min_margin=params.min_margin)
        for comparison, first, second in zip(
            comparisons, verdicts[::2], verdicts[1::2], strict=True
        )
    ]
    own = None if params.pairing == "all" else _best_and_worst(settled)
    won = settled if params.pairing == "all" else [own.settled] if own and own.agrees else []
    pairs = tuple(row.pair() for row in won if row.fate is Fate.DECIDED)
    fates = Counter(row.fate for row in settled)
    fates.update({Fate.SAME_TEXT: num_same_text, Fate.PAIRED: len(pairs)})
    return PairedPrompt(
        pairs=pairs,
        verdicts=tuple(verdicts),
        fates=fates,
        deciding=own.fate if own else None,
        detail=OVERALL_LOSES if own and own.is_overruled else why_lost(verdicts),
    )


@dataclass(frozen=True, slots=True)
class _Extremes:
    """The comparison of the best answer with the worst; `agrees` if it was won by the best."""

    settled: Settled
    agrees: bool

    @property
    def is_overruled(self) -> bool:
        """Whether the worst answer won it."""
        return self.settled.fate is Fate.DECIDED and not self.agrees

    @property
    def fate(self) -> Fate:
        """What became of the pair that could have come of it."""
        return Fate.TIED if self.is_overruled else self.settled.fate


def _best_and_worst(settled: Sequence[Settled]) -> _Extremes | None:
    """Return the extremes, None where all answers stand alike (in a circle, for instance)."""
    standings = _standings(settled)
    if len(set(standings.values())) < 2:  # noqa: PLR2004  - best and worst are two
        return None
    best = max(standings, key=standings.__getitem__)
    worst = min(standings, key=standings.__getitem__)
    own = next(row for row in settled if row.ids == {best, worst})
    return _Extremes(own, own.winner is not None and own.winner.completion_id == best)


def _standings(settled: Sequence[Settled]) -> dict[str, _Standing]:
    """Return the standing of each answer by its id, in the order of the answers."""
    margins: dict[str, list[float]] = {}
    wins: Counter[str] = Counter()
    for row in settled:
        for answer in (row.comparison.a, row.comparison.b):
            seen = margins.setdefault(answer.completion_id, [])
            if not row.is_trusted:
                continue
            seen.append(row.margin_of(answer.completion_id))
            if row.winner is not None:
                wins[answer.completion_id] += 1 if row.winner is answer else -1
    return {
        answer: _Standing(wins[answer], fsum(seen) / len(seen) if seen else 0.0)
        for answer, seen in margins.items()
    }
