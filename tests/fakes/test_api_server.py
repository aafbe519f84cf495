"""The fake API, asked by OpenAI's own client and through bare sockets: it does what it says."""

import math
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import openai
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.api_chat import split_tokens
from tests.fakes.api_client import ASK, ask, connect, open_socket, post
from tests.fakes.api_server import FakeApi

CHECKOUT = Path(__file__).resolve().parents[2]
VERDICT = '{"winner": "A"}'


def read_reply(stream):
    status = int(stream.readline().split()[1])
    headers = dict(line.decode().strip().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
    return status, stream.read(int(headers["content-length"]))


def test_the_default_answer_repeats_the_question_in_a_text_for_each_choice():
    with FakeApi() as api:
        reply = ask(api, n=2)
    assert reply.model == "fake-model"
    assert [choice.message.content for choice in reply.choices] == [
        "Echo 1: Which is better?",
        "Echo 2: Which is better?",
    ]
    assert [choice.finish_reason for choice in reply.choices] == ["stop", "stop"]
    # Words: "Be brief." has 2 and "Which is better?" 3; each echo has 5.
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 10)


def test_parts_of_a_message_are_read_as_its_text():
    parts = [{"type": "text", "text": "Is it?"}, {"type": "image_url", "image_url": {"url": "x"}}]
    with FakeApi() as api, connect(api) as client:
        message = {"role": "user", "content": parts}
        reply = client.chat.completions.create(model="m", messages=[message])
    assert reply.choices[0].message.content == "Echo 1: Is it? "


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        pytest.param("one", ["one", "one"], id="a text for all"),
        pytest.param(["one", {"text": "two"}], ["one", "two"], id="one for each"),
        pytest.param({"message": {"content": "m"}}, ["m", "m"], id="a whole choice"),
        pytest.param({"choices": []}, [], id="a whole reply"),
    ],
)
def test_an_answer_may_be_a_text_a_choice_or_the_whole_reply(answer, texts):
    with FakeApi(answer=lambda _: answer) as api:
        assert [choice.message.content for choice in ask(api, n=2).choices] == texts


@pytest.mark.parametrize(
    ("most", "text", "reason"),
    [
        pytest.param(2, "one two", "length", id="cut"),
        pytest.param(3, "one two  three", "stop", id="just enough"),
    ],
)
def test_texts_end_at_the_limit_of_words(most, text, reason):
    with FakeApi(answer=lambda _: "one two  three") as api:
        reply = ask(api, max_completion_tokens=most, logprobs=True)
    choice = reply.choices[0]
    assert (choice.message.content, choice.finish_reason) == (text, reason)
    assert "".join(one.token for one in choice.logprobs.content) == text
    assert reply.usage.completion_tokens == most


def test_log_probabilities_follow_the_distribution_that_is_given_for_a_token():
    answer = {"text": VERDICT, "tops": {"A": {"A": 0.5, "B": 0.3, "tie": 0.2}}}
    with FakeApi(answer=lambda _: answer) as api:
        tokens = ask(api, logprobs=True, top_logprobs=2).choices[0].logprobs.content
        assert ask(api).choices[0].logprobs is None
    assert "".join(one.token for one in tokens) == VERDICT
    verdict = tokens[-3]
    assert (verdict.token, verdict.logprob) == ("A", math.log(0.5))
    assert [(top.token, top.logprob) for top in verdict.top_logprobs] == [
        ("A", math.log(0.5)),
        ("B", math.log(0.3)),
    ]
    assert all(sum(math.exp(top.logprob) for top in one.top_logprobs) < 1 for one in tokens)


@given(text=st.text())
def test_tokens_put_together_are_the_text(text):
    assert "".join(split_tokens(text)) == text


def test_other_keys_than_those_named_are_refused_everywhere():
    with FakeApi(keys={"good"}) as api:
        with connect(api, key="good") as client:
            client.chat.completions.create(**ASK)
        with connect(api, key="bad") as client:
            for call in (lambda: client.chat.completions.create(**ASK), client.models.list):
                with pytest.raises(openai.AuthenticationError):
                    call()
    assert [(call.key, call.fault) for call in api.calls] == [("good", None), ("bad", "401")]
    assert [call.fault for call in api.other_calls] == ["401"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param([], b"no JSON object with model, messages", id="list"),
        pytest.param({"model": "m"}, b"with messages", id="no messages"),
        pytest.param({**ASK, "stream": True}, b"stream is not supported", id="stream"),
    ],
)
def test_a_body_that_cannot_be_answered_gets_a_400(body, message):
    with FakeApi() as api, open_socket(api) as connection:
        connection.sendall(post(body))
        status, content = read_reply(connection.makefile("rb"))
    assert status == 400
    assert message in content
    assert [(call.fault, call.is_billed) for call in api.calls] == [("400", False)]


def test_requests_in_pieces_and_several_at_once_are_answered_in_order():
    bodies = [{**ASK, "model": f"model-{k}"} for k in range(3)]
    wire = b"".join(post(body) for body in bodies)
    with FakeApi(delay_seconds=0.01) as api, open_socket(api) as connection:
        for piece in (wire[:20], wire[20:150], wire[150:]):
            connection.sendall(piece)
            time.sleep(0.02)
        stream = connection.makefile("rb")
        replies = [orjson.loads(read_reply(stream)[1])["model"] for _ in range(3)]
    assert replies == ["model-0", "model-1", "model-2"]
    assert [call.body for call in api.calls] == bodies
    assert [call.number for call in api.calls] == [0, 1, 2]


def test_calls_in_flight_are_counted():
    with FakeApi(delay_seconds=1.0) as api, ExitStack() as stack:
        connections = [stack.enter_context(open_socket(api)) for _ in range(8)]
        for connection in connections:
            connection.sendall(post(ASK))
        statuses = [read_reply(connection.makefile("rb"))[0] for connection in connections]
    assert statuses == [200] * 8
    assert api.max_in_flight == 8
    assert [call.in_flight for call in api.calls] == list(range(1, 9))
    assert api.calls[-1].at - api.calls[0].at < 1.0  # nobody waited for another


def test_what_goes_wrong_inside_is_raised_at_the_end():
    def broken(body):
        raise KeyError("a slip in a test")

    with (
        pytest.raises(KeyError, match="a slip"),
        FakeApi(answer=broken) as api,
        pytest.raises(openai.APIConnectionError),
    ):
        ask(api)


def test_after_its_end_nobody_answers_and_the_port_can_be_used_again():
    with FakeApi() as api:
        port = urlsplit(api.base_url).port
    with pytest.raises(openai.APIConnectionError):
        ask(api)
    with FakeApi(port=port) as again:
        assert again.base_url == api.base_url
        assert ask(again).choices


def test_models_are_listed():
    with FakeApi(models=["m1", "m2"]) as api, connect(api) as client:
        assert [model.id for model in client.models.list()] == ["m1", "m2"]


def test_as_a_process_it_names_its_address_and_logs_every_call_before_its_reply(tmp_path):
    log = tmp_path / "calls.jsonl"
    options = ["--faults", "1", "--kinds", "503", "--delay-ms", "1", "--log", str(log)]
    command = [sys.executable, "-m", "tests.fakes.api_server", *options]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        with closing(openai.OpenAI(base_url=address, api_key="k", max_retries=0)) as client:
            for k in (0, 0, 1):
                with pytest.raises(openai.InternalServerError):
                    client.chat.completions.create(**ASK, seed=k)
        process.kill()
    rows = [orjson.loads(row) for row in log.read_bytes().splitlines()]
    assert [(row["number"], row["fault"]) for row in rows] == [(0, "503"), (1, "503"), (2, "503")]
    digests = [row["sha256"] for row in rows]
    assert digests[0] == digests[1] != digests[2]
