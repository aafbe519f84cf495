"""The answers to each prompt, in the order that decides between equals."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt


class HasText(Protocol):
    """An answer, or what stands for one."""

    @property
    def text(self) -> str:
        """What is compared."""


Answer = TypeVar("Answer", bound=HasText)


def answers_by_prompt(
    prompts: Sequence[Prompt], completions: Iterable[Completion]
) -> dict[str, list[Completion]]:
    """Return the answers to each prompt by sample index, then policy, in whatever order they come.

    Raises:
        ValueError: an answer to a prompt that is not among `prompts`.
    """
    answers: dict[str, list[Completion]] = {prompt.prompt_id: [] for prompt in prompts}
    for completion in completions:
        if completion.prompt_id not in answers:
            raise ValueError(
                f"completion {completion.completion_id} answers prompt {completion.prompt_id}, "
                f"which is not among the {len(prompts)} prompts; leave it out, or add its prompt"
            )
        answers[completion.prompt_id].append(completion)
    for rows in answers.values():
        rows.sort(key=lambda row: (row.sample_index, row.policy, row.completion_id))
    return answers


def distinct_texts(answers: Iterable[Answer]) -> list[Answer]:
    """Return the first answer with each text; later ones would give the same pairs again."""
    first: dict[str, Answer] = {}
    for answer in answers:
        first.setdefault(answer.text, answer)
    return list(first.values())
