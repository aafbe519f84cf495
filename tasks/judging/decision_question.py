"""A rubric as typed questions to the decisions endpoint, which returns probabilities and no prose.

The shapes are those of `DecisionCreateParams` in the openai client.
"""

from collections.abc import Sequence
from typing import Any

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from tasks.judging.choice_labels import ChoiceKey
from tasks.judging.judge_prompt import judge_messages
from tasks.judging.reading import labels_of
from tasks.judging.reply_format import NO_LABEL, verdicts_of
from tasks.judging.rubric import Rubric

MAX_LEVELS = 10
_MEANINGS = {
    "1": "answer_1 is better",
    "2": "answer_2 is better",
    "tie": "neither is better",
    NO_LABEL: "the answer chose no option, or which one cannot be told",
}


def check_decidable(rubric: Rubric) -> None:
    """Refuse a rubric that the endpoint cannot answer.

    Raises:
        InputError: a scale with more levels than it takes.
    """
    if len(rubric.scores) > MAX_LEVELS:
        raise InputError(
            f"rubric {rubric.name!r} has {len(rubric.scores)} scores from {rubric.scores[0]} to "
            f"{rubric.scores[-1]}; the decisions endpoint takes 2 to {MAX_LEVELS}: use "
            "judging.backend=chat, or a rubric with a shorter scale"
        )


def decision_body(
    model: str,
    rubric: Rubric,
    prompt: Prompt,
    answers: Sequence[str],
    *,
    key: ChoiceKey | None = None,
) -> dict[str, Any]:
    """Return the body of a decision: the messages of the chat backend, and typed questions.

    `key` goes with choice rubrics, whose options are those of the situation.
    """
    return {
        "model": model,
        "input": judge_messages(rubric, prompt, answers),
        "questions": questions_of(rubric, key),
    }


def questions_of(rubric: Rubric, key: ChoiceKey | None) -> list[dict[str, Any]]:
    """Return one question for each value that is wanted, named after it."""
    if rubric.kind == "score":
        return [_score("score", rubric.question, rubric)]
    if rubric.kind == "aspects":
        return [_score(name, question, rubric) for name, question in rubric.aspects.items()]
    if rubric.kind == "pairwise":
        return [_choice("verdict", rubric.question, verdicts_of(rubric))]
    return [_choice("label", rubric.question, [*(labels_of(key) if key else ()), NO_LABEL])]


def _score(name: str, instructions: str, rubric: Rubric) -> dict[str, Any]:
    levels = [
        {"label": str(score)}
        | ({"description": rubric.labels[score]} if score in rubric.labels else {})
        for score in rubric.scores
    ]
    return {"type": "score", "name": name, "instructions": instructions, "levels": levels}


def _choice(name: str, instructions: str, values: Sequence[str]) -> dict[str, Any]:
    described = [
        {"value": value, "description": _MEANINGS.get(value, f"option {value}")} for value in values
    ]
    return {"type": "choice", "name": name, "instructions": instructions, "choices": described}
