"""The form in which a judge is asked to reply."""

from typing import Any

from tasks.judging.rubric import Rubric

NO_LABEL = "none"
"""What the judge says where an answer chose no option."""
_REASON = '"reason": "<your reason in at most five sentences>", '
_KEYS = {"pairwise": "verdict", "score": "score", "aspects": "scores", "choice": "label"}


def verdicts_of(rubric: Rubric) -> list[str]:
    """Return what the judge of a pairwise rubric may say: positions as they are shown, or tie."""
    return ["1", "2", "tie"] if rubric.allows_tie else ["1", "2"]


def reply_instructions(rubric: Rubric, *, structured: bool, reasoning: bool) -> str:
    """Return the sentences that say how to reply; both forms are what verdict_parser reads."""
    if structured:
        form = f'{{{_REASON if reasoning else ""}"{_KEYS[rubric.kind]}": {_value(rubric, quote=True)}}}'
        return f"Reply with one JSON object and nothing else:\n{form}\n{_meaning(rubric)}"
    order = (
        "Give your reason in at most five sentences. Then end with exactly one line of this form and "
        "write nothing after it:"
        if reasoning
        else "Reply with exactly one line of this form and nothing else:"
    )
    form = f"{_KEYS[rubric.kind].upper()}: {_value(rubric, quote=False)}"
    return f"{order}\n{form}\n{_meaning(rubric)}"


def reply_schema(rubric: Rubric, *, reasoning: bool) -> dict[str, Any]:
    """Return `response_format`: a strict JSON schema of the reply, its reason before its verdict."""
    properties = {"reason": {"type": "string"}} if reasoning else {}
    properties[_KEYS[rubric.kind]] = _value_schema(rubric)
    return {
        "type": "json_schema",
        "json_schema": {"name": "verdict", "strict": True, "schema": _closed(properties)},
    }


def _value_schema(rubric: Rubric) -> dict[str, Any]:
    if rubric.kind == "pairwise":
        return {"type": "string", "enum": verdicts_of(rubric)}
    if rubric.kind == "choice":
        return {"type": "string"}
    # An enum instead of minimum and maximum: fewer servers know those.
    score = {"type": "integer", "enum": list(rubric.scores)}
    return _closed(dict.fromkeys(rubric.aspects, score)) if rubric.kind == "aspects" else score


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _value(rubric: Rubric, *, quote: bool) -> str:
    """Return what is to be put in for the value; a form that is copied as it stands is no verdict."""
    mark = '"' if quote else ""
    if rubric.kind == "pairwise":
        return f"{mark}<{' or '.join(verdicts_of(rubric))}>{mark}"
    if rubric.kind == "choice":
        return f"{mark}<label>{mark}"
    if rubric.kind == "score":
        return "<score>"
    return "{" + ", ".join(f'"{aspect}": <score>' for aspect in rubric.aspects) + "}"


def _meaning(rubric: Rubric) -> str:
    if rubric.kind == "pairwise":
        tie = ", `tie` that neither is better" if rubric.allows_tie else ""
        return f"`1` means that answer_1 is better, `2` that answer_2 is better{tie}."
    if rubric.kind == "choice":
        return f"The label is that of the option alone, or `{NO_LABEL}`."
    return f"A score is a whole number from {rubric.scores[0]} to {rubric.scores[-1]}."
