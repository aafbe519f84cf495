"""What the answers of the decisions endpoint come to.

The shapes are those of `Decision` in the openai client.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.judging.choice_labels import ChoiceKey
from tasks.judging.decision_question import questions_of
from tasks.judging.reading import Reading, preferred
from tasks.judging.reply_format import NO_LABEL
from tasks.judging.rubric import Rubric
from tasks.judging.verdict_probabilities import MIN_MASS, expected_score, likeliest, preference

DECISION_READER = "decision-reader v1"
"""Name and version of this reader. Raise the version with every change of what it reads."""


def read_decision(
    answers: Sequence[Mapping[str, Any]], rubric: Rubric, *, key: ChoiceKey | None = None
) -> Reading | None:
    """Return what the answers come to, None where one is missing, refused or malformed.

    A score is the expected one over the labels that were asked for; the endpoint's own `score`
    counts levels in a way that its types leave open.
    """
    found = []
    for index, question in enumerate(questions_of(rubric, key)):
        probabilities = _probabilities(_answer(answers, index, question["name"]), question)
        if probabilities is None:
            return None
        found.append(probabilities)
    if rubric.kind == "pairwise":
        shown = likeliest(found[0], "")
        return _reading(shown, shown=shown, probability=preference(found[0]))
    if rubric.kind == "choice":
        return _chosen(found[0], key)
    said = sum(int(likeliest(levels, "")) for levels in found) / len(found)
    return _reading(f"{said:g}", score=sum(map(expected_score, found)) / len(found))


def is_refused(answers: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the model declined any of the questions."""
    return any(answer.get("type") == "refusal" for answer in answers)


def _reading(said: str, **numbers: Any) -> Reading:
    return Reading(said=said, parser=DECISION_READER, **numbers)


def _chosen(probabilities: dict[str, float], key: ChoiceKey | None) -> Reading | None:
    label = likeliest(probabilities, "")
    share = None if key is None or label == NO_LABEL else preferred(probabilities, key)
    return None if share is None else _reading(label, score=share, probability=share)


def _answer(
    answers: Sequence[Mapping[str, Any]], index: int, name: str
) -> Mapping[str, Any] | None:
    """Return the answer to a question: by its name, or by its place where answers have none."""
    named = [answer for answer in answers if answer.get("name") == name]
    if named:
        return named[0]
    unnamed = index < len(answers) and answers[index].get("name") is None
    return answers[index] if unnamed else None


def _probabilities(
    answer: Mapping[str, Any] | None, question: Mapping[str, Any]
) -> dict[str, float] | None:
    """Return the probability of every value that was asked for, summing to 1."""
    if answer is None or answer.get("type") != question["type"]:
        return None
    listed = answer.get("probabilities")
    part, values = (
        ("label", [level["label"] for level in question["levels"]])
        if question["type"] == "score"
        else ("value", [choice["value"] for choice in question["choices"]])
    )
    found = dict.fromkeys(values, 0.0)
    for row in listed if isinstance(listed, list) else ():
        share = row.get("probability") if isinstance(row, dict) else None
        if not isinstance(share, int | float) or not 0 <= share < math.inf:
            return None
        value = row.get(part)
        if isinstance(value, str) and value in found:
            found[value] += share
    total = sum(found.values())
    return {value: share / total for value, share in found.items()} if total >= MIN_MASS else None
