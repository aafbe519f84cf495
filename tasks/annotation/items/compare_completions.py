"""All answers to a prompt become one comparison."""

from collections.abc import Iterable, Mapping

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from tasks.annotation.comparison_item import MOST_RESPONSES, ComparisonItem, Response


def compare_completions(
    completions: Iterable[Completion], prompts: Mapping[str, Prompt]
) -> list[ComparisonItem]:
    """Return one comparison for each prompt with two or more different answers.

    Of answers with the same text the first is taken, and of more than nine texts the first nine: one
    key for each.
    """
    answers: dict[str, dict[str, Completion]] = {}
    for completion in completions:
        answers.setdefault(completion.prompt_id, {}).setdefault(completion.text, completion)
    return [
        _item(prompts[prompt_id], list(texts.values())[:MOST_RESPONSES])
        for prompt_id, texts in answers.items()
        if len(texts) > 1
    ]


def _item(prompt: Prompt, answers: list[Completion]) -> ComparisonItem:
    return ComparisonItem(
        prompt_id=prompt.prompt_id,
        source=prompt.source,
        split=prompt.split,
        messages=prompt.messages,
        origin=prompt.origin,
        responses=tuple(
            Response(completion_id=answer.completion_id, text=answer.text, policy=answer.policy)
            for answer in answers
        ),
    )
