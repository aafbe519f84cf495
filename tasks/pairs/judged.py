"""Answers to prompts, whoever gave them, become preference pairs by what a judge says."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import comb

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from tasks.judging.comparison import PairwiseJudge
from tasks.judging.judge import Judge, Question
from tasks.judging.params import JudgingParams
from tasks.pairs.answers import answers_by_prompt
from tasks.pairs.asked_judge import AskedJudge, Compares, Scores
from tasks.pairs.comparison_pairs import comparisons_of, pair_comparisons
from tasks.pairs.fault import Fault
from tasks.pairs.made_pairs import MadePairs
from tasks.pairs.prompt_outcome import PairedPrompt, gather
from tasks.pairs.score_pairs import pair_scores
from tasks.progress import Progress, silent

Answers = Mapping[str, Sequence[Completion]]


def judged_pairs(
    prompts: Sequence[Prompt],
    completions: Iterable[Completion],
    faults: Iterable[Fault],
    judge: AskedJudge,
    params: JudgingParams,
    *,
    progress: Progress = silent,
) -> MadePairs:
    """Return the pairs that come of answers, and what became of every prompt.

    The judge is asked once for everything: for a score of each answer, or for a comparison of every
    two answers to a prompt whose texts differ. `faults` are calls that brought no answer; they are
    counted, and what the prompt's other answers give is kept.

    Raises:
        ValueError, KeyError: an answer or a fault of a prompt that is not among `prompts`.
    """
    answers = answers_by_prompt(prompts, completions)
    match judge:
        case Scores():
            paired = _scored(prompts, answers, judge.judge, params)
        case Compares():
            paired = _compared(prompts, answers, judge.judge, params, progress)
    return gather(prompts, answers, faults, paired)


def _scored(
    prompts: Sequence[Prompt], answers: Answers, judge: Judge, params: JudgingParams
) -> list[PairedPrompt]:
    questions = [
        Question(prompt, answer) for prompt in prompts for answer in answers[prompt.prompt_id]
    ]
    verdicts = iter(judge.judge(questions))
    return [
        pair_scores(prompt, rows, list(islice(verdicts, len(rows))), params)
        for prompt in prompts
        for rows in [answers[prompt.prompt_id]]
    ]


def _compared(
    prompts: Sequence[Prompt],
    answers: Answers,
    judge: PairwiseJudge,
    params: JudgingParams,
    progress: Progress,
) -> list[PairedPrompt]:
    asked = [comparisons_of(prompt, answers[prompt.prompt_id]) for prompt in prompts]
    verdicts = iter(judge.compare([row for rows in asked for row in rows], progress))
    return [
        pair_comparisons(
            rows,
            list(islice(verdicts, 2 * len(rows))),
            params,
            num_same_text=comb(len(answers[prompt.prompt_id]), 2) - len(rows),
        )
        for prompt, rows in zip(prompts, asked, strict=True)
    ]
