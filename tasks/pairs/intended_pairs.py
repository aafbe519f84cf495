"""Two answers of which one was written to be better become a pair, verified by a judge or not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.judging.comparison import Comparison, PairwiseJudge
from tasks.pairs.answers import answers_by_prompt
from tasks.pairs.fate import Fate, why_lost
from tasks.pairs.fault import Fault
from tasks.pairs.labeler import Labeler
from tasks.pairs.made_pairs import MadePairs
from tasks.pairs.prompt_outcome import PairedPrompt, gather
from tasks.pairs.settled import settle
from tasks.progress import Progress, silent

OVERRULED = "the judge prefers the answer that was meant to be worse"


@dataclass(frozen=True, slots=True)
class Intended:
    """Two answers to one prompt, of which the first is meant to be better; `detail` is how."""

    better: Completion
    worse: Completion
    detail: str = ""

    @property
    def is_one_text(self) -> bool:
        """Whether there is nothing to prefer."""
        return self.better.text == self.worse.text


@dataclass(frozen=True, slots=True)
class Verifier:
    """The judge who has to agree, by a margin of at least `min_margin`."""

    judge: PairwiseJudge
    min_margin: float


def verifier(judge: PairwiseJudge | None, *, verify: bool, min_margin: float) -> Verifier | None:
    """Return who verifies, None if nobody is to.

    Raises:
        ValueError: verification without a judge.
    """
    if not verify:
        return None
    if judge is None:
        raise ValueError("verify is set but no judge was given; pass one that compares answers")
    return Verifier(judge, min_margin)


def intended_pairs(
    prompts: Sequence[Prompt],
    completions: Iterable[Completion],
    faults: Iterable[Fault],
    intended: Mapping[str, Intended],
    *,
    labeler: Labeler,
    verified_by: Verifier | None,
    progress: Progress = silent,
) -> MadePairs:
    """Return a pair of each two intended answers (by prompt id) whose texts differ.

    With a verifier only those are kept of which both orders of its comparison prefer the intended
    answer. The pair is signed by `labeler` all the same: the judge confirms what the method says.
    """
    differing = {
        prompt.prompt_id: Comparison(prompt, two.better, two.worse)
        for prompt in prompts
        if (two := intended.get(prompt.prompt_id)) is not None and not two.is_one_text
    }
    verdicts = _verdicts(differing, verified_by, progress)
    paired: list[PairedPrompt] = []
    for prompt_id in [prompt.prompt_id for prompt in prompts]:
        if prompt_id in differing and verified_by is not None:
            row = _verified(differing[prompt_id], verdicts[prompt_id], verified_by, labeler)
        elif prompt_id in differing:
            asked = differing[prompt_id]
            pair = labeler.pair(asked.prompt, asked.a, asked.b)
            row = PairedPrompt(pairs=(pair,), fates={Fate.PAIRED: 1})
        else:
            row = PairedPrompt(fates={Fate.SAME_TEXT: 1} if prompt_id in intended else {})
        detail = intended[prompt_id].detail if prompt_id in intended else ""
        paired.append(replace(row, detail="; ".join(part for part in (detail, row.detail) if part)))
    return gather(prompts, answers_by_prompt(prompts, completions), faults, paired)


def _verdicts(
    asked: Mapping[str, Comparison], verified_by: Verifier | None, progress: Progress
) -> dict[str, tuple[Verdict, Verdict]]:
    """Return both verdicts about each comparison, by prompt id; none without a verifier."""
    if verified_by is None or not asked:
        return {}
    said = verified_by.judge.compare(list(asked.values()), progress)
    both = zip(said[::2], said[1::2], strict=True)
    return dict(zip(asked, both, strict=True))


def _verified(
    asked: Comparison,
    verdicts: tuple[Verdict, Verdict],
    verified_by: Verifier,
    labeler: Labeler,
) -> PairedPrompt:
    settled = settle(asked, *verdicts, min_margin=verified_by.min_margin)
    if settled.winner is asked.a:
        return PairedPrompt(
            pairs=(settled.pair(labeler),), verdicts=verdicts, fates={Fate.PAIRED: 1}
        )
    if settled.winner is asked.b:
        return PairedPrompt(verdicts=verdicts, fates={Fate.TIED: 1}, detail=OVERRULED)
    return PairedPrompt(verdicts=verdicts, fates={settled.fate: 1}, detail=why_lost(verdicts))
