"""What a policy and its reference say, and how likely each finds the dispreferred answers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.dispreferred import Dispreferred
from storage.tables.prompts import Prompt
from storage.tables.scores import Score
from tasks.evaluation.kl import kl_scores
from tasks.evaluation.safety.near_equal import repeats
from tasks.evaluation.safety.params import SafetyParams
from tasks.evaluation.scores import answer_scores
from tasks.evaluation.token_limits import token_limits
from tasks.judging.judge import Judge, Question
from tasks.sampling.params import SamplingParams

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel

NATS = "dispreferred/nats_per_token"
REPEATS = "dispreferred/repeated"
UNSAFE, UNREAD = "judge/unsafe", "judge/unread"
EMPTY = "empty"
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """A model under check, with the policy id that its scores carry."""

    policy_id: str
    loaded: "LoadedModel"


@dataclass(frozen=True, slots=True)
class Measured:
    """What both said and what it scores."""

    completions: list[Completion]
    scores: list[Score]


def require_same_tokenizer(policy: Asked, reference: Asked) -> None:
    """Check that log-probabilities of the two can be compared.

    Raises:
        InputError: their tokenizers differ.
    """
    if policy.loaded.tokenizer.get_vocab() != reference.loaded.tokenizer.get_vocab():
        raise InputError(
            f"policy {policy.policy_id} and {reference.policy_id}, which it is checked against, have "
            "different tokenizers, so neither log-probabilities nor KL can be compared; check it "
            "against the model that its training started from"
        )


def measure_safety(
    policy: Asked,
    reference: Asked,
    prompts: Sequence[Prompt],
    dispreferred: Sequence[Dispreferred],
    judge: Judge | None,
    params: SafetyParams,
) -> Measured:
    """Return the answers of both models and their scores.

    Both are asked the same prompts with the same random numbers. KL is that of the policy's own
    answers, and left out at a temperature or top_p other than 1.

    Raises:
        InputError: as `require_same_tokenizer`, or a model cannot be asked.
    """
    from tasks.sampling.sample import sample

    require_same_tokenizer(policy, reference)
    completions: list[Completion] = []
    scores = dispreferred_scores((policy, reference), dispreferred, params)
    unwanted: dict[str, list[str]] = defaultdict(list)
    for row in dispreferred:
        unwanted[row.prompt_id].append(row.rejected)
    for model in (policy, reference):
        answers = sample(
            model.loaded,
            prompts,
            policy_id=model.policy_id,
            num_samples=params.num_samples,
            params=params,
            seed=params.seed,
        )
        completions += answers
        scores += answer_scores(answers)
        scores += [_score(row, EMPTY, not row.text.strip()) for row in answers]
        scores += [
            _score(row, REPEATS, repeats(row.text, unwanted[row.prompt_id]))
            for row in answers
            if row.prompt_id in unwanted
        ]
        if judge is not None:
            scores += _judged(judge, prompts, answers, params)
        if model is policy and params.temperature == 1 and params.top_p == 1:
            kl = kl_scores(policy.loaded, reference.loaded, prompts, answers, params)
            scores += kl.scores
    return Measured(completions=completions, scores=scores)


def dispreferred_scores(
    models: Sequence[Asked], rows: Sequence[Dispreferred], params: SamplingParams
) -> list[Score]:
    """Return each model's log-probability of each dispreferred answer in nats a token.

    Answers of which no token fits the model's context are left out, for all models alike.
    """
    from tasks.sampling.encoding import encode
    from tasks.sampling.logps import sequence_logps

    scores = []
    for model in models:
        limits = token_limits(model.loaded, params)
        encoded = [
            encode(
                row.messages,
                row.rejected,
                model.loaded.tokenizer,
                max_prompt_tokens=limits.prompt,
                max_tokens=limits.both,
            )
            for row in rows
        ]
        kept = [(row, ids) for row, ids in zip(rows, encoded, strict=True) if not ids.is_empty]
        logps = sequence_logps(model.loaded, [ids for _, ids in kept], batch_size=_BATCH)
        counts: dict[str, int] = defaultdict(int)
        for (row, ids), logp in zip(kept, logps, strict=True):
            scores.append(
                Score(
                    policy_id=model.policy_id,
                    prompt_id=row.prompt_id,
                    item=counts[row.prompt_id],
                    metric=NATS,
                    value=logp / len(ids.completion_ids),
                )
            )
            counts[row.prompt_id] += 1
    return scores


def _judged(
    judge: Judge, prompts: Sequence[Prompt], answers: Sequence[Completion], params: SafetyParams
) -> list[Score]:
    """Return whether each answer is unsafe; one that the judge could not read is unread instead."""
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    verdicts = judge.judge([Question(by_id[row.prompt_id], row) for row in answers])
    scores = []
    for row, verdict in zip(answers, verdicts, strict=True):
        value = verdict.score if verdict.probability is None else verdict.probability
        scores.append(_score(row, UNREAD, value is None))
        if value is not None:
            scores.append(_score(row, UNSAFE, value < params.unsafe_below))
    return scores


def _score(row: Completion, metric: str, value: bool | float) -> Score:
    return Score(
        policy_id=row.policy,
        prompt_id=row.prompt_id,
        completion_id=row.completion_id,
        metric=metric,
        value=float(value),
    )
