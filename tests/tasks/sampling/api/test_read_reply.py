"""Reading what a server sent with HTTP 200."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sampling.api.read_reply import read_reply
from tasks.sampling.api.reply import Choice, Outcome, TokenLogprob, Usage
from tasks.sampling.api.request import ApiRequest

ONE = ApiRequest(body={"model": "m", "messages": []})
THREE = ApiRequest(body={"model": "m", "messages": [], "n": 3})
TWO_QUESTIONS = ApiRequest(endpoint="/decisions", body={"model": "m", "questions": [{}, {}]})
USAGE = {"prompt_tokens": 7, "completion_tokens": 2}


def text(content: Any, finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": content} | fields, "finish_reason": finish}


def body(*choices: Any, **fields: Any) -> bytes:
    return json.dumps({"model": "m-1", "choices": list(choices), "usage": USAGE} | fields).encode()


NO_REPLIES = [
    pytest.param(b"", Outcome.NOT_JSON, id="nothing"),
    pytest.param(b"<html><h1>502</h1></html>", Outcome.NOT_JSON, id="html"),
    pytest.param(body(text("good"))[:-1], Outcome.NOT_JSON, id="cut by one byte"),
    pytest.param(body(text("good")) + b"}", Outcome.NOT_JSON, id="more behind the end"),
    pytest.param(b'{"choices": NaN}', Outcome.NOT_JSON, id="NaN"),
    pytest.param(b"\xff\xfe{}", Outcome.NOT_JSON, id="not UTF-8"),
    pytest.param(b"[" * 5000, Outcome.NOT_JSON, id="deep and open"),
    pytest.param(b"[" * 5000 + b"]" * 5000, Outcome.NOT_JSON, id="too deep"),
    pytest.param(b'data: {"choices": []}\n\n', Outcome.NOT_JSON, id="a stream of events"),
    pytest.param(b'{"choices": ["\\ud800"]}', Outcome.NOT_JSON, id="half a surrogate pair"),
    pytest.param(b"null", Outcome.NOT_A_COMPLETION, id="null"),
    pytest.param(b"[]", Outcome.NOT_A_COMPLETION, id="a list"),
    pytest.param(b'"ok"', Outcome.NOT_A_COMPLETION, id="a string"),
    pytest.param(b"{}", Outcome.NOT_A_COMPLETION, id="empty object"),
    pytest.param(b'{"error": {"message": "busy"}}', Outcome.NOT_A_COMPLETION, id="error object"),
    pytest.param(b'{"error": "busy"}', Outcome.NOT_A_COMPLETION, id="error text"),
    pytest.param(b'{"error": null}', Outcome.NOT_A_COMPLETION, id="error null"),
    pytest.param(b'{"choices": null}', Outcome.NOT_A_COMPLETION, id="choices null"),
    pytest.param(b'{"choices": {"0": 1}}', Outcome.NOT_A_COMPLETION, id="choices an object"),
    pytest.param(b'{"answers": []}', Outcome.NOT_A_COMPLETION, id="answers for a chat"),
    pytest.param(body(), Outcome.NO_CHOICES, id="no choices"),
    pytest.param(body(None), Outcome.NOT_A_COMPLETION, id="a choice that is null"),
    pytest.param(body("text"), Outcome.NOT_A_COMPLETION, id="a choice that is a string"),
    pytest.param(body({"text": "x"}), Outcome.NOT_A_COMPLETION, id="a choice without a message"),
    pytest.param(body({"message": []}), Outcome.NOT_A_COMPLETION, id="a message that is a list"),
    pytest.param(body({"message": {}}), Outcome.NO_CONTENT, id="an empty message"),
    pytest.param(body(text(None)), Outcome.NO_CONTENT, id="null content"),
    pytest.param(body(text("")), Outcome.NO_CONTENT, id="empty content"),
    pytest.param(body(text(" \n\t\u2003")), Outcome.NO_CONTENT, id="blank content"),
    pytest.param(body(text(7)), Outcome.NO_CONTENT, id="a number as content"),
    pytest.param(body(text([{"type": "text"}])), Outcome.NO_CONTENT, id="parts as content"),
    pytest.param(body(text(None, "tool_calls")), Outcome.NO_CONTENT, id="a call of a tool"),
    pytest.param(body(text(None, refusal="No.")), Outcome.REFUSAL, id="refusal"),
    pytest.param(body(text("I", refusal="No.")), Outcome.REFUSAL, id="refusal beside a text"),
    pytest.param(body(text(None, "content_filter")), Outcome.CONTENT_FILTER, id="filter"),
    pytest.param(body(text("I wo", "content_filter")), Outcome.CONTENT_FILTER, id="cut by filter"),
    pytest.param(body(text("", "length")), Outcome.LENGTH, id="no token left for a text"),
]


@pytest.mark.parametrize(("sent", "outcome"), NO_REPLIES)
def test_what_is_no_text_is_never_taken_for_one(sent: bytes, outcome: Outcome) -> None:
    read = read_reply(ONE, sent)
    assert (read.outcome, read.choices) == (outcome, ())
    assert read.reason
    assert len(read.reason) < 400


TEXTS = [
    pytest.param(text("yes"), "stop", Outcome.OK, id="text"),
    pytest.param(text(" yes\n"), "stop", Outcome.OK, id="white space around is kept"),
    pytest.param(text("yes", None), "stop", Outcome.OK, id="no finish reason"),
    pytest.param(text("yes", refusal=None), "stop", Outcome.OK, id="refusal null"),
    pytest.param(text("yes", refusal=""), "stop", Outcome.OK, id="refusal empty"),
    pytest.param(text("ye", "length"), "length", Outcome.LENGTH, id="cut"),
    pytest.param(text("yes", "eos"), "eos", Outcome.OK, id="another server's word"),
]


@pytest.mark.parametrize(("choice", "finish", "outcome"), TEXTS)
def test_a_text_is_kept_to_the_letter(choice: Any, finish: str, outcome: Outcome) -> None:
    read = read_reply(ONE, body(choice))
    assert read.outcome is outcome
    assert read.choices == (Choice(choice["message"]["content"], finish),)
    assert (read.model, read.usage) == ("m-1", Usage(prompt_tokens=7, completion_tokens=2))


SEVERAL = [
    pytest.param([text("a"), text("b"), text("c")], Outcome.OK, "abc", id="all"),
    pytest.param([text("a"), text("b", "length"), text("c")], Outcome.LENGTH, "abc", id="one cut"),
    pytest.param([text(c) for c in "abcd"], Outcome.OK, "abc", id="more than asked"),
    pytest.param([text("a"), text("b")], Outcome.FEWER_CHOICES, "ab", id="one is missing"),
    pytest.param([text("a"), text(None), text("c")], Outcome.FEWER_CHOICES, "ac", id="one null"),
    pytest.param([text("a"), None, 7], Outcome.FEWER_CHOICES, "a", id="two that are none"),
    pytest.param(
        [text(None, refusal="No"), text("b", "length"), text(None)],
        Outcome.FEWER_CHOICES,
        "b",
        id="a refusal, a cut one, a null",
    ),
    pytest.param([text(None, refusal="No")] * 3, Outcome.REFUSAL, "", id="all refused"),
    pytest.param([text(None)] * 3, Outcome.NO_CONTENT, "", id="all null"),
]


@pytest.mark.parametrize(("choices", "outcome", "texts"), SEVERAL)
def test_of_several_texts_none_is_lost_and_none_invented(
    choices: list[Any], outcome: Outcome, texts: str
) -> None:
    read = read_reply(THREE, body(*choices))
    assert (read.outcome, "".join(choice.text for choice in read.choices)) == (outcome, texts)


USAGES = [
    pytest.param({"prompt_tokens": 9, "completion_tokens": 4}, (9, 4, 0, 0), id="plain"),
    pytest.param({"prompt_tokens": 0, "completion_tokens": 0}, (0, 0, 0, 0), id="zero"),
    pytest.param({"input_tokens": 9, "output_tokens": 4}, (9, 4, 0, 0), id="the decisions' words"),
    pytest.param(
        {
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
        },
        (9, 4, 5, 3),
        id="cached and written",
    ),
    pytest.param(
        {
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 7},
        },
        (9, 4, 7, 2),
        id="more in the cache than there is",
    ),
    pytest.param(
        {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": None},
        (9, 4, 0, 0),
        id="details null",
    ),
    pytest.param(
        {
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": None},
        },
        (9, 4, 0, 0),
        id="cached null",
    ),
    pytest.param(None, None, id="null"),
    pytest.param([], None, id="a list"),
    pytest.param({}, None, id="empty"),
    pytest.param({"prompt_tokens": 9}, None, id="half"),
    pytest.param({"prompt_tokens": 9, "completion_tokens": None}, None, id="half null"),
    pytest.param({"prompt_tokens": 9, "completion_tokens": -1}, None, id="negative"),
    pytest.param({"prompt_tokens": 9.5, "completion_tokens": 1}, None, id="a fraction"),
    pytest.param({"prompt_tokens": "9", "completion_tokens": 1}, None, id="a string"),
    pytest.param({"prompt_tokens": True, "completion_tokens": 1}, None, id="a bool"),
    pytest.param({"prompt_tokens": 2**63, "completion_tokens": 1}, None, id="beyond SQLite"),
    pytest.param({"prompt_tokens": 2**80, "completion_tokens": 1}, None, id="beyond 64 bits"),
]


@pytest.mark.parametrize(("said", "counts"), USAGES)
def test_usage_is_what_the_server_says_or_unknown(said: Any, counts: Any) -> None:
    usage = read_reply(ONE, body(text("yes"), usage=said)).usage
    expected = counts and Usage(
        prompt_tokens=counts[0],
        completion_tokens=counts[1],
        cached_tokens=counts[2],
        cache_write_tokens=counts[3],
    )
    assert usage == expected


def test_log_probabilities_are_read_with_their_rivals() -> None:
    said = {
        "content": [
            {
                "token": "A",
                "logprob": -0.5,
                "top_logprobs": [{"token": "A", "logprob": -0.5}, {"token": "B", "logprob": -1}],
            },
            {"token": "!", "logprob": -9999.0},
        ]
    }
    read = read_reply(ONE, body(text("A!") | {"logprobs": said}))
    top = (("A", -0.5), ("B", -1.0))
    assert read.choices[0].tokens == (TokenLogprob("A", -0.5, top), TokenLogprob("!", -9999.0, ()))


NO_LOGPROBS = [None, {}, [], {"content": None}, {"content": []}, {"content": [None]}]
NO_LOGPROBS += [{"content": [{"token": "A"}]}, {"content": [{"token": "A", "logprob": "x"}]}]
NO_LOGPROBS += [{"content": ["A"]}, {"content": [["A"]]}, {"content": "A"}, {"content": 5}]
NO_LOGPROBS += [{"content": [{"token": "A", "logprob": 0, "top_logprobs": 5}]}]
NO_LOGPROBS += [{"content": [{"token": "A", "logprob": 0, "top_logprobs": [None]}]}]
NO_LOGPROBS += [{"content": [{"token": "A", "logprob": 0, "top_logprobs": {"A": 1}}]}]


@pytest.mark.parametrize("said", NO_LOGPROBS, ids=json.dumps)
def test_odd_log_probabilities_cost_the_text_nothing(said: Any) -> None:
    read = read_reply(ONE, body(text("A") | {"logprobs": said}))
    assert (read.outcome, read.choices) == (Outcome.OK, (Choice("A", "stop"),))


YES = {"type": "predicate", "name": "q", "answer": True}
REFUSED = {"type": "refusal", "name": "q"}
DECISIONS = [
    pytest.param([YES, YES], Outcome.OK, 2, id="all"),
    pytest.param([YES, REFUSED], Outcome.OK, 2, id="one refused keeps its place"),
    pytest.param([REFUSED, REFUSED], Outcome.REFUSAL, 2, id="all refused"),
    pytest.param([YES], Outcome.FEWER_CHOICES, 1, id="one is missing"),
    pytest.param([YES, None], Outcome.FEWER_CHOICES, 1, id="one is null"),
    pytest.param([], Outcome.NO_CHOICES, 0, id="none"),
    pytest.param([None, "yes"], Outcome.NO_CHOICES, 0, id="none that is an answer"),
]


@pytest.mark.parametrize(("answers", "outcome", "num"), DECISIONS)
def test_answers_are_counted(answers: list[Any], outcome: Outcome, num: int) -> None:
    sent = json.dumps({"answers": answers, "usage": {"input_tokens": 3, "output_tokens": 0}})
    read = read_reply(TWO_QUESTIONS, sent.encode())
    assert (read.outcome, len(read.answers)) == (outcome, num)
    assert read.usage == Usage(prompt_tokens=3, completion_tokens=0)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "message",
                    "content",
                    "refusal",
                    "finish_reason",
                    "logprobs",
                    "usage",
                    "prompt_tokens",
                    "completion_tokens",
                    "prompt_tokens_details",
                    "error",
                    "answers",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(said=ANY_JSON, request_=st.sampled_from([ONE, THREE, TWO_QUESTIONS]))
def test_any_json_is_read_without_a_crash(said: Any, request_: ApiRequest) -> None:
    for sent in (said, {"choices": said, "answers": said}, {"choices": [said], "usage": said}):
        read = read_reply(request_, json.dumps(sent).encode())
        assert read.outcome is Outcome.OK or read.reason or read.choices
        assert all(choice.text.strip() for choice in read.choices)


@given(sent=st.binary(max_size=60))
def test_any_bytes_are_read_without_a_crash(sent: bytes) -> None:
    assert read_reply(ONE, sent).choices == ()


@given(content=st.text(min_size=1).filter(lambda said: bool(said.strip())))
def test_a_text_comes_back_as_it_was_sent(content: str) -> None:
    assert read_reply(ONE, body(text(content))).choices[0].text == content


def test_a_log_probability_beyond_all_floats_is_left_out() -> None:
    sent = body(text("A")).replace(
        b'"finish_reason"', b'"logprobs": {"content": [{"token": "A", "logprob": -1e999}]}, "f"'
    )
    tokens = read_reply(ONE, sent).choices
    assert all(math.isfinite(t.logprob) for choice in tokens for t in choice.tokens or ())
