"""What is sent for a prompt."""

from dataclasses import replace

import pytest

from storage.input_error import InputError
from tasks.pairs.chat_request import chat_request
from tasks.pairs.continuation import INSTRUCTION
from tasks.sampling.api.params import ChatParams
from tests.tasks.pairs.small_world import URL, prompt


def sent(asked, chat=None, **fields):
    return dict(chat_request(asked, "m", chat or ChatParams(), **fields).body)


def turns(*roles_and_texts, system=""):
    body = sent(prompt("p", *roles_and_texts), system=system)
    return [(turn["role"], turn["content"]) for turn in body["messages"]]


@pytest.mark.parametrize(
    ("given", "system", "expected"),
    [
        pytest.param([("user", "q")], "", [("user", "q")], id="as it is"),
        pytest.param([("user", "q")], "S", [("system", "S"), ("user", "q")], id="system first"),
        pytest.param(
            [("system", "P"), ("user", "q")],
            "S",
            [("system", "S\n\nP"), ("user", "q")],
            id="before the prompt's own system text",
        ),
        pytest.param(
            [("system", "P"), ("user", "q")], "", [("system", "P"), ("user", "q")], id="kept"
        ),
        pytest.param(
            [("user", "q"), ("assistant", "a"), ("user", "r")],
            "S",
            [("system", "S"), ("user", "q"), ("assistant", "a"), ("user", "r")],
            id="several turns",
        ),
        pytest.param(
            [("text", "The film was ")],
            "S",
            [("system", "S"), ("user", f"{INSTRUCTION}\n\nThe film was ")],
            id="a text to be continued",
        ),
    ],
)
def test_the_turns_of_a_prompt_are_the_messages(given, system, expected):
    assert turns(*given, system=system) == expected


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([("tool", "x")], id="unknown role"),
        pytest.param([("user", "x"), ("text", "y")], id="a text among turns"),
        pytest.param([("text", "x"), ("text", "y")], id="two texts"),
    ],
)
def test_turns_that_no_chat_model_knows_are_refused(given):
    with pytest.raises(InputError, match="roles"):
        turns(*given)


def test_a_prompt_without_turns_is_refused():
    with pytest.raises(InputError, match="roles"):
        sent(replace(prompt("q"), messages=()))


def test_what_is_not_set_is_not_sent():
    assert sent(prompt("q")) == {
        "model": "m",
        "messages": [{"role": "user", "content": "q"}],
        "max_completion_tokens": 512,
    }


def test_what_is_set_is_sent_and_extra_fields_come_last():
    chat = ChatParams(
        temperature=0.0, top_p=0.9, seed=7, extra={"top_p": 0.5, "reasoning_effort": "low"}
    )
    body = sent(prompt("q"), chat, num_choices=3)
    del body["messages"]
    assert body == {
        "model": "m",
        "max_completion_tokens": 512,
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 7,
        "n": 3,
        "reasoning_effort": "low",
    }


@pytest.mark.parametrize("name", ["model", "messages", "n", "stream"])
def test_extra_cannot_change_what_is_asked_for(name):
    with pytest.raises(InputError, match=rf"chat\.extra has {name}"):
        sent(prompt("q"), ChatParams(extra={name: 2}))


def test_a_server_of_the_older_name_of_the_limit_gets_only_that_one():
    body = sent(prompt("q"), ChatParams(extra={"max_tokens": 99}))
    assert body["max_tokens"] == 99
    assert "max_completion_tokens" not in body


def test_later_draws_are_other_calls_also_where_the_server_honours_a_seed():
    requests = [
        chat_request(prompt("q"), "m", ChatParams(seed=2**31 - 1), sample_index=index)
        for index in (0, 1, 2)
    ]
    assert [request.body["seed"] for request in requests] == [2**31 - 1, 0, 1]
    unseeded = [
        chat_request(prompt("q"), "m", ChatParams(), sample_index=index) for index in (0, 1)
    ]
    assert unseeded[0].body == unseeded[1].body
    assert unseeded[0].key(URL) != unseeded[1].key(URL)
