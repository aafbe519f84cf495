"""The method that the parameters name, and everybody whom it asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from tasks.judging.comparison import PairwiseJudge
from tasks.judging.draw_prompts import draw_prompts
from tasks.pairs.api_candidates import api_candidates
from tasks.pairs.asked_judge import AskedJudge, Compares
from tasks.pairs.contrast import contrast_pairs
from tasks.pairs.critique_revise import critique_revise_pairs
from tasks.pairs.dataset_candidates import dataset_candidates, with_candidates
from tasks.pairs.fault import Fault
from tasks.pairs.judged import judged_pairs
from tasks.pairs.made_pairs import MadePairs
from tasks.pairs.params import PairsParams
from tasks.progress import Progress, silent
from tasks.sampling.api.api import Api


class PolicyAnswers(Protocol):
    """Our policy, or what stands for it in a dry run."""

    def __call__(self, prompts: Sequence[Prompt], num_samples: int) -> list[Completion]:
        """Return `num_samples` answers to each prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom a method asks; null is who it does not need."""

    api: Api | None = None
    policies: tuple[PolicyAnswers, ...] = ()
    judge: AskedJudge | None = None


def make_pairs(
    prompts: Sequence[Prompt],
    dataset: Sequence[PreferencePair],
    params: PairsParams,
    asked: Asked,
    progress: Progress = silent,
) -> MadePairs:
    """Return pairs for prompts that are drawn from the split `train`, by the method of `params`.

    `dataset` are the data set's own pairs, which only relabel reads.

    Raises:
        InputError: no prompt is in the split, or the method asks somebody who is not there.
    """
    again = dataset_candidates(dataset) if params.method == "relabel" else []
    known = with_candidates(prompts, again) if params.method == "relabel" else prompts
    drawn = draw_prompts(known, split="train", num_prompts=params.num_prompts, seed=params.seed)
    match params.method:
        case "contrast":
            verifier = _verifier(asked) if params.contrast.verify else None
            return contrast_pairs(
                drawn,
                _api(asked),
                params.contrast,
                judge=verifier,
                min_margin=params.judging.min_margin,
                progress=progress,
            )
        case "critique-revise":
            verifier = _verifier(asked) if params.critique_revise.verify else None
            return critique_revise_pairs(
                drawn,
                _api(asked),
                params.critique_revise,
                seed=params.seed,
                judge=verifier,
                min_margin=params.judging.min_margin,
                progress=progress,
            )
        case _:
            return _judged(drawn, again, params, asked, progress)


def _judged(
    prompts: Sequence[Prompt],
    again: Sequence[Completion],
    params: PairsParams,
    asked: Asked,
    progress: Progress,
) -> MadePairs:
    """Return pairs of candidates that a judge prefers; `again` are those of the data set."""
    if asked.judge is None:
        raise InputError(f"method {params.method!r} needs a judge; set judging.judge")
    faults: list[Fault] = []
    match params.method:
        case "sample-and-judge":
            completions, faults = _sampled(prompts, params, asked, progress)
        case "relabel":
            wanted = {prompt.prompt_id for prompt in prompts}
            completions = [row for row in again if row.prompt_id in wanted]
        case _:
            (policy,) = asked.policies
            completions = policy(prompts, params.on_policy.num_completions)
    return judged_pairs(
        prompts, completions, faults, asked.judge, params.judging, progress=progress
    )


def _sampled(
    prompts: Sequence[Prompt], params: PairsParams, asked: Asked, progress: Progress
) -> tuple[list[Completion], list[Fault]]:
    """Return the answers of all models of sample-and-judge, and the faults in their place."""
    method = params.sample_and_judge
    completions: list[Completion] = []
    faults: list[Fault] = []
    for policy in asked.policies:
        completions += policy(prompts, method.num_completions)
    for model in method.api_models:
        candidates = api_candidates(
            _api(asked),
            model,
            prompts,
            num_samples=method.num_completions,
            chat=method.chat,
            progress=progress,
        )
        completions += candidates.completions
        faults += candidates.faults
    return completions, faults


def _api(asked: Asked) -> Api:
    if asked.api is None:
        raise InputError("the method asks an API, but none is connected")
    return asked.api


def _verifier(asked: Asked) -> PairwiseJudge:
    if not isinstance(asked.judge, Compares):
        raise InputError("verify compares two answers; use an LLM judge with a pairwise rubric")
    return asked.judge.judge
