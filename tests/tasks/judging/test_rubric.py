"""Rubrics: those that are shipped, those that users write, and what is wrong with others."""

import copy

import pytest
import yaml

from storage.input_error import InputError
from tasks.judging.load_rubric import load_rubric, rubric_names
from tasks.judging.rubric import Rubric

SCORE = {
    "name": "kind-words",
    "version": 1,
    "kind": "score",
    "question": "How kind is it?",
    "instructions": "Kindness counts.",
    "scale": [1, 5],
    "labels": {1: "unkind", 5: "kind"},
}
PAIRWISE = {
    "name": "kinder",
    "version": 3,
    "kind": "pairwise",
    "question": "Which is kinder?",
    "instructions": "Kindness counts.",
}
ASPECTS = SCORE | {"kind": "aspects", "aspects": {"tone": "Is it kind?", "tact": "Is it tactful?"}}


def without(content, field):
    return {name: value for name, value in content.items() if name != field}


def write(tmp_path, content):
    path = tmp_path / "own.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def test_the_shipped_rubrics_are_those_that_the_parameters_name():
    kinds = {name: load_rubric(name).kind for name in rubric_names()}
    assert kinds == {
        "four-aspect": "aspects",
        "harmless": "score",
        "helpful": "score",
        "helpful-and-harmless": "score",
        "pairwise-overall": "pairwise",
        "risk-choice": "choice",
    }


@pytest.mark.parametrize("name", rubric_names())
def test_a_shipped_rubric_has_the_name_of_its_file(name):
    assert load_rubric(name).name == name


def test_shipped_scales_are_those_of_the_recipes_that_they_follow():
    assert load_rubric("helpful").scores == tuple(range(1, 11))
    assert load_rubric("helpful-and-harmless").scores == tuple(range(1, 11))
    four = load_rubric("four-aspect")
    assert four.scores == (1, 2, 3, 4, 5)
    assert list(four.aspects) == [
        "instruction_following",
        "truthfulness",
        "honesty",
        "helpfulness",
    ]
    assert load_rubric("pairwise-overall").allows_tie


def test_a_rubric_of_ones_own_is_read_from_its_file(tmp_path):
    rubric = load_rubric(write(tmp_path, SCORE))
    assert (rubric.name, rubric.scores, rubric.labels[5]) == ("kind-words", (1, 2, 3, 4, 5), "kind")


@pytest.mark.parametrize(
    ("tie", "allowed"),
    [({}, True), ({"tie": True}, True), ({"tie": False}, False)],
    ids=["nothing said", "allowed", "forbidden"],
)
def test_a_comparison_may_end_in_a_tie_unless_the_rubric_forbids_it(tie, allowed):
    assert Rubric(**PAIRWISE | tie).allows_tie is allowed


def test_identity_names_the_rubric_and_its_version():
    name, version, digest = Rubric(**SCORE).identity.split(" ")
    assert (name, version, len(digest)) == ("kind-words", "v1", 8)
    assert Rubric(**copy.deepcopy(SCORE)).identity == Rubric(**SCORE).identity


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"question": "How kind is it!"}, id="question"),
        pytest.param({"instructions": "Kindness does not count."}, id="instructions"),
        pytest.param({"scale": [1, 6]}, id="scale"),
        pytest.param({"labels": {1: "unkind", 5: "very kind"}}, id="label"),
        pytest.param({"aspects": {"tact": "Is it tactful?", "tone": "Is it kind?"}}, id="order"),
        pytest.param({"version": 2}, id="version"),
    ],
)
def test_an_edited_rubric_never_passes_as_the_same(edit):
    assert Rubric(**ASPECTS | edit).identity != Rubric(**ASPECTS).identity


def test_white_space_around_a_text_does_not_make_another_rubric():
    assert Rubric(**SCORE | {"question": "How kind is it?\n"}).identity == Rubric(**SCORE).identity


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(SCORE | {"kind": "grade"}, "kind: .*'pairwise'.*got 'grade'", id="kind"),
        pytest.param(SCORE | {"name": "Kind Words"}, "name: .*got 'Kind Words'", id="name"),
        pytest.param(SCORE | {"version": "1"}, "version: .*got '1'", id="version is a text"),
        pytest.param(SCORE | {"version": True}, "version: .*got True", id="version is a bool"),
        pytest.param(SCORE | {"version": 0}, "version: .*got 0", id="version zero"),
        pytest.param(SCORE | {"question": "  "}, "question: ", id="blank question"),
        pytest.param(without(SCORE, "instructions"), "instructions: Field required", id="missing"),
        pytest.param(SCORE | {"weight": 2}, "no field 'weight'; fields are name, ", id="unknown"),
        pytest.param(without(SCORE, "scale"), "kind score needs scale", id="no scale"),
        pytest.param(SCORE | {"scale": [5, 1]}, r"scale \[5, 1\]", id="scale upside down"),
        pytest.param(SCORE | {"scale": [3, 3]}, r"scale \[3, 3\]", id="scale of one point"),
        pytest.param(SCORE | {"scale": [0, 101]}, r"scale \[0, 101\]", id="scale too long"),
        pytest.param(SCORE | {"scale": [0.0, 1.5]}, "scale.1: .*got 1.5", id="scale of fractions"),
        pytest.param(SCORE | {"scale": [1]}, "scale", id="half a scale"),
        pytest.param(SCORE | {"labels": {9: "nine"}}, r"labels of \[9\]", id="label off the scale"),
        pytest.param(SCORE | {"tie": True}, "kind score has no tie; only pairwise", id="tie"),
        pytest.param(SCORE | {"aspects": {"a": "b"}}, "has no aspects", id="aspects of a score"),
        pytest.param(SCORE | {"kind": "aspects"}, "kind aspects needs aspects", id="none"),
        pytest.param(ASPECTS | {"aspects": {"Is it": "x"}}, "aspects", id="name of an aspect"),
        pytest.param(PAIRWISE | {"scale": [1, 5]}, "has no scale", id="scale of a comparison"),
        pytest.param(PAIRWISE | {"tie": "maybe"}, "tie: .*got 'maybe'", id="tie is a text"),
        pytest.param("- a\n- b\n", "holds list, not", id="a list"),
        pytest.param("", "holds NoneType, not", id="empty"),
        pytest.param("name: [", "not readable YAML", id="no yaml"),
    ],
)
def test_a_rubric_that_cannot_be_asked_is_an_input_error_that_says_why(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as raised:
        load_rubric(write(tmp_path, content))
    assert "own.yaml" in str(raised.value)


def test_a_file_that_is_not_text_is_an_input_error(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(InputError, match=r"own\.yaml is not readable YAML"):
        load_rubric(str(path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("helpfull", "Did you mean 'helpful'", id="close"),
        pytest.param("zzz", "four-aspect, harmless, helpful, ", id="not close"),
        pytest.param("../rubrics/helpful", "there is no rubric", id="a path without .yaml"),
        pytest.param("", "there is no rubric ''", id="empty"),
        pytest.param("absent.yaml", r"absent.yaml cannot be read \(No such file", id="no file"),
    ],
)
def test_a_rubric_that_does_not_exist_is_an_input_error_that_lists_the_others(name, message):
    with pytest.raises(InputError, match=message):
        load_rubric(name)
