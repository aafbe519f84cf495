"""Scored answers to a prompt become its best and its worst as a preference pair."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from storage.tables.completions import Completion
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """What became of the prompts.

    `num_prompts` is the sum of `num_pairs`, `num_ties` (scores closer than the margin),
    `num_same_text` (best and worst are one text) and `num_too_few` (fewer than two answers that
    the judge could read). `num_unparsable` counts answers, not prompts.
    """

    num_prompts: int
    num_pairs: int
    num_ties: int
    num_same_text: int
    num_too_few: int
    num_unparsable: int


@dataclass(frozen=True, slots=True)
class BestWorstPairs:
    """Pairs in the order of their prompts, and what became of the other prompts."""

    pairs: tuple[PreferencePair, ...]
    counts: PairCounts


@dataclass(frozen=True, slots=True)
class _Scored:
    """An answer that the judge could read."""

    completion: Completion
    score: float
    judge: str


class _Dropped(Enum):
    """Why a prompt gives no pair."""

    TIE = "tie"
    SAME_TEXT = "same text"
    TOO_FEW = "too few"


def best_worst(
    prompts: Iterable[Prompt],
    completions: Iterable[Completion],
    verdicts: Iterable[Verdict],
    *,
    min_margin: float,
    labeler_kind: str = "judge",
) -> BestWorstPairs:
    """Return the best answer of each prompt against its worst one.

    Among equal scores the answer with the lower sample index is taken. `margin` is the difference
    of the two scores, in the judge's unit. Completions without a verdict or with an unparsable one
    take no part.

    Raises:
        ValueError: verdicts of more than one judge, whose scores cannot be compared.
    """
    asked = list(prompts)
    by_id = {verdict.completion_a: verdict for verdict in verdicts}
    judges = {verdict.judge for verdict in by_id.values()}
    if len(judges) > 1:
        raise ValueError(f"scores of different judges cannot be compared: {sorted(judges)}")
    answers: dict[str, list[_Scored]] = defaultdict(list)
    for completion in sorted(completions, key=lambda row: row.sample_index):
        verdict = by_id.get(completion.completion_id)
        if verdict is not None and verdict.score is not None:
            answers[completion.prompt_id].append(
                _Scored(completion=completion, score=verdict.score, judge=verdict.judge)
            )
    results = [
        _pair(prompt, answers[prompt.prompt_id], min_margin, labeler_kind) for prompt in asked
    ]
    pairs = tuple(result for result in results if isinstance(result, PreferencePair))
    return BestWorstPairs(
        pairs=pairs,
        counts=PairCounts(
            num_prompts=len(asked),
            num_pairs=len(pairs),
            num_ties=results.count(_Dropped.TIE),
            num_same_text=results.count(_Dropped.SAME_TEXT),
            num_too_few=results.count(_Dropped.TOO_FEW),
            num_unparsable=sum(verdict.score is None for verdict in by_id.values()),
        ),
    )


def _pair(
    prompt: Prompt, answers: Sequence[_Scored], min_margin: float, labeler_kind: str
) -> PreferencePair | _Dropped:
    if len(answers) < 2:  # noqa: PLR2004  - a pair is two
        return _Dropped.TOO_FEW
    best = max(answers, key=lambda answer: answer.score)
    worst = min(answers, key=lambda answer: answer.score)
    margin = best.score - worst.score
    if margin <= 0 or margin < min_margin:
        return _Dropped.TIE
    if best.completion.text == worst.completion.text:
        return _Dropped.SAME_TEXT
    return PreferencePair(
        prompt_id=prompt.prompt_id,
        source=prompt.source,
        split=prompt.split,
        messages=prompt.messages,
        chosen=best.completion.text,
        rejected=worst.completion.text,
        labeler_kind=labeler_kind,
        labeler=best.judge,
        margin=margin,
        chosen_id=best.completion.completion_id,
        rejected_id=worst.completion.completion_id,
        origin=prompt.origin,
    )
