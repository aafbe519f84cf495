"""What a chat model's reply to a text becomes."""

import pytest

from tasks.pairs.continuation import as_answer
from tests.tasks.pairs.small_world import prompt


@pytest.mark.parametrize(
    ("text", "reply", "answer"),
    [
        pytest.param("The film was", "great.", " great.", id="the space is left out"),
        pytest.param("The film was", " great.", " great.", id="the space is there"),
        pytest.param("The film was ", "great.", "great.", id="the text ends with it"),
        pytest.param("The film was great", ", really.", ", really.", id="a comma joins the word"),
        pytest.param("The film was great.", "I cried.", " I cried.", id="a new sentence"),
        pytest.param("The film was great.", "\nI cried.", "\nI cried.", id="a new line"),
        pytest.param("C'était", "émouvant", " émouvant", id="a letter with an accent"),
        pytest.param("In", "1999", " 1999", id="a number"),
        pytest.param("这部电影", "很好", "很好", id="a script without spaces"),
        pytest.param("", "great", "great", id="an empty text"),
    ],
)
def test_a_continuation_begins_with_the_space_that_chat_models_leave_out(text, reply, answer):
    assert as_answer(prompt("p", ("text", text)), reply) == answer


def test_the_reply_to_a_conversation_stays_as_it_is():
    assert as_answer(prompt("Who?"), "Nobody.") == "Nobody."
