"""Instructions before a prompt, and how samples are shared out over them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.sampling.instructions import MORAL_TEMPLATES, instructed, shared_out

CHAT = (
    Message("system", "s"),
    Message("user", "one"),
    Message("assistant", "a"),
    Message("user", "two"),
)


def test_the_instruction_stands_in_the_last_user_turn_and_the_rest_is_untouched():
    asked = instructed(CHAT, "Be kind.")
    assert asked[:3] == CHAT[:3]
    assert asked[3] == Message("user", "Be kind.\n\ntwo")


def test_a_text_to_be_continued_still_ends_as_it_did():
    (asked,) = instructed((Message("text", "The film was"),), MORAL_TEMPLATES["ethical"])
    assert asked.role == "text"
    assert asked.content == MORAL_TEMPLATES["ethical"] + "\n\nThe film was"


def test_the_empty_instruction_changes_nothing():
    assert instructed(CHAT, "") == CHAT


def test_without_a_turn_to_stand_in_it_is_an_input_error():
    with pytest.raises(InputError, match="needs a turn of role user or text"):
        instructed((Message("system", "s"),), "Be kind.")


@pytest.mark.parametrize(
    "kind", [("ethical",), ("safe", "constructive"), ("harm",), ("facts",), ("appropriate",)]
)
def test_each_of_the_five_kinds_has_a_template(kind):
    assert any(all(word in text for word in kind) for text in MORAL_TEMPLATES.values())
    assert len(set(MORAL_TEMPLATES.values())) == len(MORAL_TEMPLATES) == 5


@pytest.mark.parametrize(
    ("names", "num_samples", "num_templated", "expected"),
    [
        (["a", "b", "c", "d", "e"], 11, 5, {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "": 6}),
        (["a", "b", "c"], 8, 0, {"a": 3, "b": 3, "c": 2}),
        (["a", "b", "c"], 2, 0, {"a": 1, "b": 1}),
        (["a", "b"], 4, 4, {"a": 2, "b": 2}),
        (["a", "b"], 4, 1, {"a": 1, "": 3}),
        ([""], 7, 0, {"": 7}),
    ],
)
def test_samples_are_shared_out_over_the_templates(names, num_samples, num_templated, expected):
    counts = shared_out(names, num_samples, num_templated)
    assert list(counts.items()) == list(expected.items())


@given(st.integers(1, 9), st.integers(1, 40), st.data())
def test_no_sample_is_lost_and_no_template_is_favoured_by_more_than_one(kinds, samples, data):
    templated = data.draw(st.integers(0, samples))
    counts = shared_out([f"t{index}" for index in range(kinds)], samples, templated)
    assert sum(counts.values()) == samples
    assert counts.pop("", 0) == (samples - templated if templated else 0)
    assert max(counts.values()) - min(counts.values()) <= 1
