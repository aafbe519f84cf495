"""A policy's own answers, judged, as preference pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict
from tasks.judging.draw_prompts import draw_prompts
from tasks.judging.judge import Judge, Question
from tasks.pairs.best_worst import BestWorstPairs, best_worst
from tasks.pairs.params import PairsParams
from tasks.progress import Progress, silent

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel


@dataclass(frozen=True, slots=True)
class OnPolicyPairs:
    """Everything that was sampled and judged, and the pairs that came of it."""

    completions: tuple[Completion, ...]
    verdicts: tuple[Verdict, ...]
    best_worst: BestWorstPairs


def on_policy_pairs(
    prompts: Sequence[Prompt],
    loaded: "LoadedModel",
    judge: Judge,
    params: PairsParams,
    *,
    policy_id: str,
    progress: Progress = silent,
) -> OnPolicyPairs:
    """Return pairs of the best and the worst answer of a policy to training prompts.

    Raises:
        InputError: no prompt is in the split `train`.
    """
    from tasks.sampling.sample import sample

    asked = draw_prompts(prompts, split="train", num_prompts=params.num_prompts, seed=params.seed)
    completions = sample(
        loaded,
        asked,
        policy_id=policy_id,
        num_samples=params.num_completions,
        params=params,
        seed=params.seed,
        progress=progress,
    )
    by_id = {prompt.prompt_id: prompt for prompt in asked}
    questions = [Question(prompt=by_id[row.prompt_id], completion=row) for row in completions]
    verdicts = judge.judge(questions)
    return OnPolicyPairs(
        completions=tuple(completions),
        verdicts=tuple(verdicts),
        best_worst=best_worst(asked, completions, verdicts, min_margin=params.min_margin),
    )
