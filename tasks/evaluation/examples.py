"""The prompts and answers that a report shows in full."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.scores import Score
from tasks.evaluation.metrics import JUDGE_METRICS, KL, Metric, in_order, metric_of
from tasks.evaluation.report_data import ReportData
from tasks.evaluation.wording import figure

NUM_EXAMPLES = 10
_SHOWN = {KL} | {
    name
    for judge in JUDGE_METRICS.values()
    for name in (judge.score or judge.preferred, judge.unparsable)
    if name is not None
}


@dataclass(frozen=True, slots=True)
class ShownScore:
    """A score of one answer, in words."""

    title: str
    value: str


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """A policy's first answer to a prompt; null where it gave none."""

    policy_id: str
    name: str
    text: str | None
    cut_off: bool
    scores: tuple[ShownScore, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt with one answer of each policy."""

    prompt: Prompt
    answers: tuple[ShownAnswer, ...]


def examples(data: ReportData, num_examples: int = NUM_EXAMPLES) -> list[Example]:
    """Return the first prompts by id that were answered, each with every policy's first answer.

    Ids are hashes, so the choice is as good as random and nobody made it.
    """
    answered = {row.prompt_id for row in data.completions}
    prompts = sorted(
        (prompt for prompt in data.prompts if prompt.prompt_id in answered),
        key=lambda prompt: prompt.prompt_id,
    )[:num_examples]
    first: dict[tuple[str, str], Completion] = {}
    for row in sorted(data.completions, key=lambda row: (row.sample_index, row.temperature)):
        first.setdefault((row.prompt_id, row.policy), row)
    scores: dict[str, list[Score]] = {}
    for score in data.scores:
        if score.completion_id is not None and score.metric in _SHOWN:
            scores.setdefault(score.completion_id, []).append(score)
    return [
        Example(
            prompt=prompt,
            answers=tuple(
                _answer(policy_id, name, first.get((prompt.prompt_id, policy_id)), scores)
                for policy_id, name in data.names.items()
            ),
        )
        for prompt in prompts
    ]


def _answer(
    policy_id: str, name: str, row: Completion | None, scores: dict[str, list[Score]]
) -> ShownAnswer:
    if row is None:
        return ShownAnswer(policy_id, name, None, cut_off=False, scores=())
    return ShownAnswer(
        policy_id,
        name,
        row.text,
        cut_off=row.finish_reason == "length",
        scores=_shown(scores.get(row.completion_id, [])),
    )


def _shown(scores: Sequence[Score]) -> tuple[ShownScore, ...]:
    by_metric = {score.metric: score.value for score in scores}
    shown = []
    for name in in_order(by_metric):
        text = _in_words(metric_of(name), by_metric[name])
        if text is not None:
            shown.append(ShownScore(title=name.split("/")[0], value=text))
    return tuple(shown)


def _in_words(metric: Metric, value: float) -> str | None:
    """Return a score of one answer in words, None where another score says it already."""
    if metric.name.endswith("/unparsable"):
        return "unreadable" if value else None
    if metric.unit == "share":
        word = metric.name.split("/")[1].removesuffix("_of_parsed").replace("_", "-")
        return word if value else f"not {word}"
    return figure(value, metric.unit)
