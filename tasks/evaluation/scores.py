"""Verdicts and answers become scores: one number about one answer."""

from collections.abc import Iterable, Iterator

from storage.tables.completions import Completion
from storage.tables.scores import Score
from storage.tables.verdicts import Verdict
from tasks.evaluation.distinct import distinct_2
from tasks.evaluation.metrics import DISTINCT_2, JUDGE_METRICS, LENGTH, TRUNCATED
from tasks.judging.judge_name import parse_judge_name

THRESHOLD = 0.5


def verdict_scores(completions: Iterable[Completion], verdicts: Iterable[Verdict]) -> list[Score]:
    """Return the scores of judged answers, in the order of the verdicts.

    A verdict that is unparsable scores 1 on `<judge>/unparsable` and nothing else.

    Raises:
        ValueError: a verdict about an answer that is not among `completions`.
        InputError: a verdict of a judge that does not exist.
    """
    by_id = {completion.completion_id: completion for completion in completions}
    scores: list[Score] = []
    for verdict in verdicts:
        if verdict.completion_a not in by_id:
            raise ValueError(f"verdict about {verdict.completion_a}, which is no given completion")
        completion = by_id[verdict.completion_a]
        scores += [_score(completion, metric, value) for metric, value in _verdict_values(verdict)]
    return scores


def answer_scores(completions: Iterable[Completion]) -> list[Score]:
    """Return length and cut-off of each answer, and distinct-2 of each policy's answers to a prompt."""
    rows = list(completions)
    scores = [
        score
        for row in rows
        for score in (
            _score(row, LENGTH, float(row.num_tokens)),
            _score(row, TRUNCATED, float(row.finish_reason == "length")),
        )
    ]
    texts: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        texts.setdefault((row.policy, row.prompt_id), []).append(row.text)
    for (policy_id, prompt_id), answers in texts.items():
        value = distinct_2(answers)
        if value is not None:
            scores.append(
                Score(policy_id=policy_id, prompt_id=prompt_id, metric=DISTINCT_2, value=value)
            )
    return scores


def _verdict_values(verdict: Verdict) -> Iterator[tuple[str, float]]:
    names = JUDGE_METRICS[parse_judge_name(verdict.judge).kind]
    if names.unparsable is not None:
        yield names.unparsable, float(verdict.score is None)
    if verdict.score is None:
        return
    if names.score is not None:
        yield names.score, verdict.score
    yield names.preferred, float(verdict.score > THRESHOLD)


def _score(completion: Completion, metric: str, value: float) -> Score:
    return Score(
        policy_id=completion.policy,
        prompt_id=completion.prompt_id,
        completion_id=completion.completion_id,
        metric=metric,
        value=value,
    )
