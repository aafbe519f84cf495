"""What became of a prompt, from what became of its answers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from storage.tables.completions import Completion
from storage.tables.outcomes import PromptOutcome
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.pairs.fate import Fate, fate_of
from tasks.pairs.fault import Fault
from tasks.pairs.made_pairs import MadePairs

TOO_FEW = "too-few"
_FIRST = (Fate.PAIRED, Fate.PENDING, Fate.FAILED, Fate.REFUSED)
_WITHOUT_VERDICT = (Fate.FLAGGED, Fate.UNPARSABLE, Fate.SAME_TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedPrompt:
    """The pairs of one prompt, and how often each fate came.

    `deciding` is the fate of the two answers that would have been the only pair, null where no two
    stood out.
    """

    pairs: tuple[PreferencePair, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    fates: Mapping[Fate, int]
    deciding: Fate | None = None
    detail: str = ""


def gather(
    prompts: Sequence[Prompt],
    answers: Mapping[str, Sequence[Completion]],
    faults: Iterable[Fault],
    paired: Sequence[PairedPrompt],
) -> MadePairs:
    """Return what a method made of all prompts; `paired` has one element for each of them.

    Raises:
        KeyError: a fault of a prompt that is not among `prompts`.
    """
    of_prompt: dict[str, list[Fault]] = {prompt.prompt_id: [] for prompt in prompts}
    for fault in faults:
        of_prompt[fault.prompt_id].append(fault)
    ids = [prompt.prompt_id for prompt in prompts]
    return MadePairs(
        completions=tuple(chain.from_iterable(answers[prompt_id] for prompt_id in ids)),
        verdicts=tuple(chain.from_iterable(row.verdicts for row in paired)),
        pairs=tuple(chain.from_iterable(row.pairs for row in paired)),
        outcomes=tuple(
            prompt_outcome(prompt_id, row, of_prompt[prompt_id], len(answers[prompt_id]))
            for prompt_id, row in zip(ids, paired, strict=True)
        ),
    )


def prompt_outcome(
    prompt_id: str, paired: PairedPrompt, faults: Sequence[Fault], num_completions: int
) -> PromptOutcome:
    """Return what became of a prompt; calls that brought no answer count among its fates."""
    fates = Counter(paired.fates) + Counter(fate_of(fault.outcome) for fault in faults)
    details = (paired.detail, faults[0].detail if faults else "")
    return PromptOutcome(
        prompt_id=prompt_id,
        status=_status(fates, paired.deciding, num_completions),
        detail="; ".join(detail for detail in details if detail),
        num_completions=num_completions,
        num_verdicts=len(paired.verdicts),
        num_pairs=len(paired.pairs),
        num_ties=fates[Fate.TIED],
        num_undecided=fates[Fate.UNDECIDED],
        num_same_text=fates[Fate.SAME_TEXT],
        num_unparsable=fates[Fate.UNPARSABLE],
        num_flagged=fates[Fate.FLAGGED],
        num_failed=fates[Fate.FAILED],
        num_pending=fates[Fate.PENDING],
    )


def _status(fates: Counter[Fate], deciding: Fate | None, num_completions: int) -> str:
    """Return the first status that fits; without `deciding` a fate must be that of all answers."""
    for fate in _FIRST:
        if fates[fate]:
            return fate.value
    judged = fates if deciding is None else Counter([deciding])
    if not judged[Fate.TIED] and not judged[Fate.UNDECIDED]:
        for fate in _WITHOUT_VERDICT:
            if judged[fate]:
                return fate.value
    if num_completions < 2:  # noqa: PLR2004  - a pair is two
        return TOO_FEW
    return Fate.UNDECIDED.value if judged[Fate.UNDECIDED] else Fate.TIED.value
