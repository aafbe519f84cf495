"""Moral instructions before a prompt."""

import pytest

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.negatives.instructions import MORAL_TEMPLATES, instructed, templates_of

CHAT = (
    Message("system", "s"),
    Message("user", "one"),
    Message("assistant", "a"),
    Message("user", "two"),
)


@pytest.mark.parametrize("template", list(MORAL_TEMPLATES))
def test_the_instruction_stands_in_the_last_user_turn_and_the_rest_is_untouched(template):
    asked = instructed(CHAT, template)
    assert asked[:3] == CHAT[:3]
    assert asked[3] == Message("user", f"{MORAL_TEMPLATES[template]}\n\ntwo")


def test_a_text_to_be_continued_still_ends_as_it_did():
    (asked,) = instructed((Message("text", "The film was"),), "honest")
    assert asked.role == "text"
    assert asked.content.endswith("\n\nThe film was")


def test_the_empty_template_changes_nothing():
    assert instructed(CHAT, "") == CHAT


def test_there_are_at_least_five_kinds_all_different():
    assert len(set(MORAL_TEMPLATES.values())) == len(MORAL_TEMPLATES) >= 5
    assert templates_of("moral") == tuple(MORAL_TEMPLATES)
    assert templates_of("none") == ("",)


def test_unknown_names_are_input_errors_that_say_what_exists():
    with pytest.raises(InputError, match="Did you mean 'honest'"):
        instructed(CHAT, "onest")
    with pytest.raises(InputError, match="none, moral"):
        templates_of("mora")
    with pytest.raises(InputError, match="needs a turn"):
        instructed((Message("system", "s"),), "honest")
