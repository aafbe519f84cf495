"""The form of reply that is asked for is the one that the parser reads."""

import orjson
import pytest

from tasks.judging.load_rubric import load_rubric
from tasks.judging.reading import read_choice
from tasks.judging.reply_format import reply_instructions, reply_schema
from tasks.judging.rubric import Rubric
from tasks.judging.verdict_parser import read_aspects, read_label, read_score, read_verdict
from tasks.sampling.api.reply import Choice

PAIRWISE, SCORE = load_rubric("pairwise-overall"), load_rubric("helpful")
ASPECTS, CHOICE = load_rubric("four-aspect"), load_rubric("risk-choice")
STRICT = Rubric(**PAIRWISE.model_dump() | {"tie": False})
RUBRICS = [PAIRWISE, STRICT, SCORE, ASPECTS, CHOICE]
IDS = ["pairwise", "no tie", "score", "aspects", "choice"]
FORMS = [(structured, reasoning) for structured in (True, False) for reasoning in (True, False)]


def objects_in(schema):
    found = [schema] if schema["type"] == "object" else []
    for part in schema.get("properties", {}).values():
        found += objects_in(part)
    return found


@pytest.mark.parametrize("rubric", RUBRICS, ids=IDS)
@pytest.mark.parametrize("reasoning", [True, False], ids=["reason", "no reason"])
def test_the_schema_is_strict_and_the_reason_comes_before_the_verdict(rubric, reasoning):
    form = reply_schema(rubric, reasoning=reasoning)
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    schema = form["json_schema"]["schema"]
    for part in objects_in(schema):  # what strict mode demands of every object
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])
    assert (next(iter(schema["properties"])) == "reason") is reasoning
    assert len(schema["properties"]) == 1 + reasoning


def test_the_schema_allows_exactly_the_values_of_the_rubric():
    def value_of(rubric):
        (value,) = reply_schema(rubric, reasoning=False)["json_schema"]["schema"][
            "properties"
        ].values()
        return value

    assert value_of(PAIRWISE)["enum"] == ["1", "2", "tie"]
    assert value_of(STRICT)["enum"] == ["1", "2"]
    assert value_of(SCORE)["enum"] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    aspects = value_of(ASPECTS)["properties"]
    assert list(aspects) == list(ASPECTS.aspects)
    assert all(part["enum"] == [1, 2, 3, 4, 5] for part in aspects.values())
    assert value_of(CHOICE) == {"type": "string"}


@pytest.mark.parametrize("rubric", RUBRICS, ids=IDS)
@pytest.mark.parametrize(("structured", "reasoning"), FORMS)
def test_the_form_itself_is_no_verdict(rubric, structured, reasoning):
    text = reply_instructions(rubric, structured=structured, reasoning=reasoning)
    assert read_choice(Choice(text=text, finish_reason="stop"), rubric) is None


@pytest.mark.parametrize(("structured", "reasoning"), FORMS)
def test_what_fills_the_form_as_it_says_is_read(structured, reasoning):
    def filled(rubric, blank, value):
        text = reply_instructions(rubric, structured=structured, reasoning=reasoning)
        lines = text.replace(blank, value).split("\n")
        (line,) = [line for line in lines if line.startswith(("{", "VERDICT", "SCORE", "LABEL"))]
        if structured:
            assert ("reason" in orjson.loads(line)) is reasoning
        return line

    assert read_verdict(filled(PAIRWISE, "<1 or 2 or tie>", "2"), tie=True).value == "2"
    score = read_score(filled(SCORE, "<score>", "7"), low=1, high=10)
    assert score.value == 7
    aspects = read_aspects(
        filled(ASPECTS, "<score>", "4"), aspects=list(ASPECTS.aspects), low=1, high=5
    )
    assert set(aspects.values.values()) == {4}
    assert read_label(filled(CHOICE, "<label>", "b")).value == "b"
