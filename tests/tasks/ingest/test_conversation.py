"""Prompts and answers as texts and as lists of messages, and why some are neither."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.conversation import (
    UnusableRowError,
    answer_in,
    compare_conversations,
    compared,
    completion_of,
    outcomes,
    prompt_in,
    text_in,
)
from tasks.ingest.record import Record, example_of

ASKED = (Message("user", "Hi"),)
TEXT = (Message("text", "It was"),)


def turn(role, content):
    return {"role": role, "content": content}


def conversation(*contents):
    roles = ("user", "assistant") * len(contents)
    return [turn(role, content) for role, content in zip(roles, contents, strict=False)]


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        pytest.param("Hi", ASKED, id="a text"),
        pytest.param([turn("user", "Hi")], ASKED, id="messages"),
        pytest.param((turn("user", "Hi"),), ASKED, id="a tuple of messages"),
        pytest.param([{"from": "human", "value": "Hi"}], ASKED, id="ShareGPT"),
        pytest.param('[{"role": "user", "content": "Hi"}]', ASKED, id="messages as JSON"),
        pytest.param([turn("text", "It was")], TEXT, id="a text to be continued"),
        pytest.param(
            [turn("system", "Be kind."), turn("human", "a"), turn("gpt", "b"), turn("user", "c")],
            (
                Message("system", "Be kind."),
                Message("user", "a"),
                Message("assistant", "b"),
                Message("user", "c"),
            ),
            id="several turns under several names",
        ),
        pytest.param(
            "[{not JSON}]", (Message("user", "[{not JSON}]"),), id="a text that looks like JSON"
        ),
        pytest.param(
            '[{"a": 1}]', (Message("user", '[{"a": 1}]'),), id="JSON that is no list of messages"
        ),
        pytest.param(" \n Hi ", (Message("user", " \n Hi "),), id="white space stays"),
    ],
)
def test_a_prompt_is_a_text_or_messages(value, messages):
    assert prompt_in(value, "prompt", "user") == messages


def test_a_prompt_that_is_a_text_has_the_role_that_was_asked_for():
    assert prompt_in("It was", "prompt", "text") == TEXT


NOT_ROLE = "column prompt holds a message that is not {role, content}"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, "no value in column prompt", id="nothing"),
        pytest.param("", "empty text in column prompt", id="empty"),
        pytest.param(" \n\t", "empty text in column prompt", id="blank"),
        pytest.param("a\0b", "NUL character in column prompt", id="NUL"),
        pytest.param("\ud800", "invalid UTF-8", id="half a surrogate"),
        pytest.param(7, "column prompt is no text", id="a number"),
        pytest.param({"role": "user", "content": "Hi"}, "column prompt is no text", id="one dict"),
        pytest.param([], "no messages in column prompt", id="no messages"),
        pytest.param(["Hi"], NOT_ROLE, id="texts in a list"),
        pytest.param([{"role": "user"}], NOT_ROLE, id="no content"),
        pytest.param([{"content": "Hi"}], NOT_ROLE, id="no role"),
        pytest.param([{"from": "human"}], NOT_ROLE, id="ShareGPT without a value"),
        pytest.param([turn("user", None)], "no value in column prompt", id="null content"),
        pytest.param([turn("user", " ")], "empty text in column prompt", id="blank content"),
        pytest.param([turn("user", [{"type": "image"}])], "column prompt is no text", id="parts"),
        pytest.param(
            [turn("tool", "x")],
            "column prompt holds a role other than system, user and assistant",
            id="a tool",
        ),
        pytest.param(
            [turn(None, "x")],
            "column prompt holds a role other than system, user and assistant",
            id="null role",
        ),
        pytest.param(
            [turn("system", "x")],
            "prompt in column prompt does not end in a user turn",
            id="nothing asked",
        ),
        pytest.param(
            conversation("a", "b"),
            "prompt in column prompt does not end in a user turn",
            id="answered",
        ),
        pytest.param(
            [turn("user", "a"), turn("text", "b")],
            "column prompt mixes role text with other turns",
            id="a text in a chat",
        ),
    ],
)
def test_what_is_no_prompt_has_a_reason_without_its_text(value, reason):
    with pytest.raises(UnusableRowError) as caught:
        prompt_in(value, "prompt", "user")
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("value", "messages", "answer"),
    [
        pytest.param("No.", ASKED, " No.", id="one space goes before a chat answer"),
        pytest.param(" No.", ASKED, " No.", id="a space that is there stays"),
        pytest.param("    code", ASKED, "    code", id="an indent stays"),
        pytest.param("\nNo. ", ASKED, " \nNo. ", id="a line break is no space"),
        pytest.param("n't", TEXT, "n't", id="a text goes on verbatim"),
        pytest.param([turn("assistant", "No.")], ASKED, " No.", id="a message"),
        pytest.param([turn("assistant", " bad")], TEXT, " bad", id="a message after a text"),
        pytest.param(conversation("Hi", "No."), ASKED, " No.", id="the prompt again"),
        pytest.param(
            '[{"from": "gpt", "value": "No."}]', ASKED, " No.", id="a ShareGPT message as JSON"
        ),
    ],
)
def test_an_answer_continues_its_prompt(value, messages, answer):
    assert answer_in(value, "chosen", messages) == answer


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, "no value in column chosen", id="nothing"),
        pytest.param("  ", "empty text in column chosen", id="blank"),
        pytest.param(
            [turn("user", "No.")], "column chosen does not end in an assistant turn", id="a user"
        ),
        pytest.param(
            conversation("Ho", "No."), "column chosen answers another prompt", id="another prompt"
        ),
        pytest.param(
            [turn("assistant", "a"), turn("assistant", "b")],
            "column chosen answers another prompt",
            id="two answers",
        ),
    ],
)
def test_what_is_no_answer_has_a_reason(value, reason):
    with pytest.raises(UnusableRowError) as caught:
        answer_in(value, "chosen", ASKED)
    assert str(caught.value) == reason


@given(st.text(), st.sampled_from([ASKED, TEXT]))
def test_completing_twice_is_completing_once(text, messages):
    once = completion_of(text, messages)
    assert completion_of(once, messages) == once
    assert once.removeprefix(" ") == text.removeprefix(" ")


def test_conversations_share_all_turns_but_the_last():
    chosen, rejected = conversation("a", "b", "c", "good"), conversation("a", "b", "c", "bad")
    found = compare_conversations(chosen, rejected, ("chosen", "rejected"))
    assert found.messages == (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    assert (found.chosen, found.rejected) == (" good", " bad")


DIFFER = "conversations differ before the last turn"


@pytest.mark.parametrize(
    ("chosen", "rejected", "reason"),
    [
        pytest.param(conversation("a", "b"), conversation("x", "c"), DIFFER, id="the question"),
        pytest.param(
            conversation("a", "b", "c", "d"), conversation("a", "x", "c", "e"), DIFFER, id="earlier"
        ),
        pytest.param(
            conversation("a", "b", "c", "d"), conversation("a", "b"), DIFFER, id="one goes on"
        ),
        pytest.param(
            conversation("a", "b", "c"),
            conversation("a", "b", "d"),
            "column chosen does not end in an assistant turn",
            id="no answers",
        ),
        pytest.param(
            [turn("assistant", "a")],
            [turn("assistant", "b")],
            "prompt in column chosen does not end in a user turn",
            id="no prompt",
        ),
        pytest.param(
            conversation("a", "b"),
            conversation("a", " b\n"),
            "chosen equals rejected",
            id="equal but for white space",
        ),
    ],
)
def test_conversations_that_cannot_be_compared_have_a_reason(chosen, rejected, reason):
    with pytest.raises(UnusableRowError) as caught:
        compare_conversations(chosen, rejected, ("chosen", "rejected"))
    assert str(caught.value) == reason


@given(st.text(min_size=1), st.text(min_size=1))
def test_swapping_two_answers_swaps_the_comparison_or_its_fault(a, b):
    try:
        ours = compared(a, b, ASKED)
    except UnusableRowError:
        with pytest.raises(UnusableRowError):
            compared(b, a, ASKED)
        return
    mirrored = compared(b, a, ASKED)
    assert (ours.chosen, ours.rejected) == (mirrored.rejected, mirrored.chosen)


def test_a_row_that_could_not_be_read_keeps_its_own_fault():
    def example(record):
        return example_of(record, "prompts", prompt_in(record.values["prompt"], "prompt", "user"))

    records = [
        Record(file="f", line=1, raw=b"{", values={}, fault="invalid JSON"),
        Record(file="f", line=2, raw=b"x", values={"prompt": ""}),
        Record(file="f", line=3, raw=b"x", values={"prompt": "Hi"}),
    ]
    first, second, third = outcomes(records, "prompts", example)
    assert (first.reason, second.reason) == ("invalid JSON", "empty text in column prompt")
    assert (third.messages, third.origin) == (ASKED, "f:3")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "from", "value"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(json_values)
def test_any_value_is_a_prompt_that_can_be_written_or_has_a_reason(value):
    record = Record(file="f", line=1, raw=b"", values={"prompt": value})
    (outcome,) = outcomes(
        [record], "prompts", lambda row: example_of(row, "prompts", prompt_in(value, "p", "user"))
    )
    if not isinstance(outcome, Refusal):
        assert outcome.messages[-1].role == "user" or outcome.messages[0].role == "text"
        assert orjson.dumps([message.content for message in outcome.messages])


def test_a_text_is_returned_as_it_is():
    assert text_in(" ä ", "prompt") == " ä "
