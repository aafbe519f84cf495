"""Scored answers to a prompt become preference pairs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

from storage.tables.completions import Completion
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.judging.injection import OBEYS_CANDIDATE
from tasks.judging.params import JudgingParams
from tasks.pairs.answers import distinct_texts
from tasks.pairs.fate import Fate, why_lost
from tasks.pairs.labeler import Labeler
from tasks.pairs.prompt_outcome import PairedPrompt
from tasks.sampling.api.reply import Outcome


@dataclass(frozen=True, slots=True)
class _Scored:
    """An answer whose score can be used."""

    completion: Completion
    score: float
    labeler: Labeler

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.completion.text


@dataclass(frozen=True, slots=True)
class _Couple:
    """Two answers, the better one first."""

    best: _Scored
    worst: _Scored

    @property
    def margin(self) -> float:
        """The difference of the scores, never negative."""
        return self.best.score - self.worst.score

    def pair(self, prompt: Prompt) -> PreferencePair:
        """Return the two as a pair."""
        chosen, rejected = self.best.completion, self.worst.completion
        return self.best.labeler.pair(prompt, chosen, rejected, margin=self.margin)


def pair_scores(
    prompt: Prompt,
    answers: Sequence[Completion],
    verdicts: Sequence[Verdict],
    params: JudgingParams,
) -> PairedPrompt:
    """Return the pairs of one prompt from one verdict per answer, in the order of the answers.

    `margin` is the difference of the two scores, in the judge's unit. Scores that are equal or
    closer than `min_margin` are tied. Of answers with the same text only the first takes part, and
    among equal scores `best-worst` takes the first.

    The fates count each answer without a score that can be used; of the other answers, with `all`
    every two, with `best-worst` only the two that would be the pair.
    """
    fates = Counter(fate for fate in map(_unusable, verdicts) if fate is not None)
    scored = [
        _Scored(answer, verdict.score, Labeler.of(verdict))
        for answer, verdict in zip(answers, verdicts, strict=True)
        if verdict.score is not None and _unusable(verdict) is None
    ]
    distinct = distinct_texts(scored)
    if params.pairing == "all":
        couples = [_couple(a, b) for a, b in combinations(distinct, 2)]
        fates[Fate.SAME_TEXT] = comb(len(scored), 2) - len(couples)
    else:
        couples = _best_and_worst(distinct)
        fates[Fate.SAME_TEXT] = int(len(scored) > len(distinct) == 1)
    far = [couple for couple in couples if 0 < couple.margin >= params.min_margin]
    fates.update({Fate.PAIRED: len(far), Fate.TIED: len(couples) - len(far)})
    return PairedPrompt(
        pairs=tuple(couple.pair(prompt) for couple in far),
        verdicts=tuple(verdicts),
        fates=fates,
        detail=why_lost(verdicts),
    )


def _best_and_worst(scored: Sequence[_Scored]) -> list[_Couple]:
    """Return the best and the worst answer as the only couple, none where there are not two."""
    if len(scored) < 2:  # noqa: PLR2004  - a pair is two
        return []
    best = max(scored, key=lambda row: row.score)
    worst = min(scored, key=lambda row: row.score)
    return [_Couple(best, worst)]


def _couple(a: _Scored, b: _Scored) -> _Couple:
    return _Couple(a, b) if a.score >= b.score else _Couple(b, a)


def _unusable(verdict: Verdict) -> Fate | None:
    """Return why a score cannot be used, None where it can."""
    if verdict.score is not None:
        return Fate.FLAGGED if OBEYS_CANDIDATE in verdict.flags else None
    if verdict.choice == "unparsable":
        return Fate.UNPARSABLE
    return Fate.PENDING if verdict.outcome == Outcome.PENDING else Fate.FAILED
