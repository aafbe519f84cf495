"""Policies are asked, judged and measured on the same held-out prompts."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage.tables.completions import Completion
from storage.tables.demonstrations import Demonstration
from storage.tables.estimates import Estimate
from storage.tables.prompts import Prompt
from storage.tables.scores import Score
from storage.tables.verdicts import Verdict
from tasks.evaluation.conclude import conclude
from tasks.evaluation.kl import kl_scores
from tasks.evaluation.params import EvaluateParams
from tasks.evaluation.perplexity import demonstration_scores
from tasks.evaluation.scores import answer_scores, verdict_scores
from tasks.judging.judge import Judge, Question
from tasks.progress import Progress, silent

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy under test; `load` brings its weights to the device when its turn comes.

    `reference_id` is the policy that it was trained to stay close to, none for base and SFT.
    """

    policy_id: str
    reference_id: str | None
    load: Callable[[], "LoadedModel"]


@dataclass(slots=True)
class Evaluation:
    """Everything that was sampled, said and measured, and what it comes to.

    `counts` are answers without a token that KL could score, answers whose text has other tokens
    than were drawn, and demonstrations that do not fit the model.
    """

    completions: list[Completion] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def evaluate_policies(
    candidates: Sequence[Candidate],
    baselines: Sequence[str],
    prompts: Sequence[Prompt],
    demonstrations: Sequence[Demonstration],
    judges: Sequence[Judge],
    params: EvaluateParams,
    progress: Progress = silent,
) -> Evaluation:
    """Return the evaluation of all candidates on the same prompts with the same seeds.

    KL is measured for candidates whose reference is a candidate too, and only for answers drawn
    from the policy itself (temperature and top_p 1). `baselines` are the policy
    ids to which the others are compared.
    """
    loaders = {candidate.policy_id: candidate.load for candidate in candidates}
    evaluation = Evaluation()
    for index, candidate in enumerate(candidates):
        progress(index, len(candidates), f"policy {index + 1}")
        policy = candidate.load()
        answers = _answers(policy, candidate.policy_id, prompts, params)
        questions = _questions(prompts, answers)
        verdicts = [verdict for judge in judges for verdict in judge.judge(questions)]
        nats = demonstration_scores(policy, demonstrations, params, policy_id=candidate.policy_id)
        scores = [*verdict_scores(answers, verdicts), *answer_scores(answers), *nats.scores]
        if candidate.reference_id in loaders and params.measures_kl:
            reference = loaders[candidate.reference_id]()
            kl = kl_scores(policy, reference, prompts, answers, params)
            scores += kl.scores
            evaluation.counts["answers_without_kl"] += kl.num_skipped
            evaluation.counts["answers_retokenized"] += kl.num_retokenized
        evaluation.counts["demonstrations_skipped"] += nats.num_skipped
        evaluation.completions += answers
        evaluation.verdicts += verdicts
        evaluation.scores += scores
    progress(len(candidates), len(candidates))
    evaluation.estimates = conclude(
        evaluation.scores,
        policies=[candidate.policy_id for candidate in candidates],
        baselines=baselines,
    )
    return evaluation


def _answers(
    policy: "LoadedModel", policy_id: str, prompts: Sequence[Prompt], params: EvaluateParams
) -> list[Completion]:
    from tasks.sampling.sample import sample

    return sample(
        policy,
        prompts,
        policy_id=policy_id,
        num_samples=params.num_samples,
        params=params,
        seed=params.seed,
    )


def _questions(prompts: Sequence[Prompt], answers: Sequence[Completion]) -> list[Question]:
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    return [Question(prompt=by_id[row.prompt_id], completion=row) for row in answers]
