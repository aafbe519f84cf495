"""Each fault of the fake API is what its name says, to a client and on the wire."""

import json
import time

import openai
import pytest

from tests.fakes.api_client import ASK, ask, connect, open_socket, post
from tests.fakes.api_schedule import FAULTS, TRANSIENT, schedule
from tests.fakes.api_server import FakeApi

VERDICT = '{"winner": "A"}'


def read_all(connection):
    return b"".join(iter(lambda: connection.recv(65536), b""))


def wait_until_idle(api):
    """Wait for the server, which hears of a client's end in a thread of its own."""
    deadline = time.monotonic() + 20
    while api.in_flight and time.monotonic() < deadline:
        time.sleep(0.005)


ERRORS = {
    "429": (openai.RateLimitError, 429, "rate_limit_exceeded"),
    "429-no-header": (openai.RateLimitError, 429, "rate_limit_exceeded"),
    "quota": (openai.RateLimitError, 429, "insufficient_quota"),
    "500": (openai.InternalServerError, 500, None),
    "503": (openai.InternalServerError, 503, None),
    "401": (openai.AuthenticationError, 401, "invalid_api_key"),
    "404": (openai.NotFoundError, 404, "model_not_found"),
    "400-context": (openai.BadRequestError, 400, "context_length_exceeded"),
}


@pytest.mark.parametrize("fault", list(ERRORS))
def test_an_error_has_its_status_and_code(fault):
    kind, status, code = ERRORS[fault]
    with FakeApi(faults=[fault], retry_after_seconds=7) as api:
        with pytest.raises(kind) as raised:
            ask(api)
        assert ask(api).choices[0].message.content  # the next call is none of it
    assert (raised.value.status_code, raised.value.code) == (status, code)
    assert raised.value.response.headers.get("retry-after") == ("7" if fault == "429" else None)
    assert ("dummy" in str(raised.value)) == (fault == "401")  # the key, to be kept out of logs
    assert api.num_billed == 1


CHOICES = {
    "no-choices": [],
    "fewer": [(VERDICT, None, "stop")],
    "null-content": [(None, None, "stop")] * 2,
    "blank-content": [(" \n", None, "stop")] * 2,
    "refusal": [(None, "I cannot help with that.", "stop")] * 2,
    "content-filter": [(None, None, "content_filter")] * 2,
    "length": [(VERDICT[:7], None, "length")] * 2,
    "prose": [("Both have merit, but I lean towards the first.", None, "stop")] * 2,
}


@pytest.mark.parametrize("fault", list(CHOICES))
def test_a_fault_of_texts_comes_under_status_200(fault):
    with FakeApi(faults=[fault], answer=lambda _: VERDICT) as api:
        reply = ask(api, n=2, logprobs=True)
    said = [(c.message.content, c.message.refusal, c.finish_reason) for c in reply.choices]
    assert said == CHOICES[fault]
    assert reply.usage.prompt_tokens == 5
    assert api.num_billed == 1


@pytest.mark.parametrize(
    ("fault", "kind"), [("html", str), ("empty", type(None)), ("error-body", type(None))]
)
def test_what_is_no_completion_comes_under_status_200(fault, kind):
    with FakeApi(faults=[fault]) as api:
        reply = ask(api)
    assert isinstance(reply if kind is str else reply.choices, kind)
    assert api.num_billed == 0


def test_a_truncated_reply_is_json_without_its_second_half():
    with FakeApi(faults=["truncated"]) as api, pytest.raises(json.JSONDecodeError):
        ask(api)
    assert api.num_billed == 1


@pytest.mark.parametrize(("fault", "is_billed"), [("closed", False), ("closed-mid", True)])
def test_a_closed_connection_ends_before_the_reply_does(fault, is_billed):
    with FakeApi(faults=[fault] * 2) as api:
        with pytest.raises(openai.APIConnectionError):
            ask(api)
        with open_socket(api) as connection:
            connection.sendall(post(ASK))
            head, _, body = read_all(connection).partition(b"\r\n\r\n")
    if is_billed:
        announced = int(head.split(b"content-length: ")[1])
        assert len(body) == announced // 2
    else:
        assert head == b""
    assert [call.is_billed for call in api.calls] == [is_billed] * 2


def test_a_stalled_reply_is_good_but_late():
    with FakeApi(faults=["stall"], stall_seconds=0.3) as api:
        before = time.monotonic()
        assert ask(api).choices[0].message.content
        assert time.monotonic() - before >= 0.3


def test_a_client_that_gives_up_is_no_longer_in_flight():
    with FakeApi(faults=["stall"] * 3, stall_seconds=60) as api:
        for _ in range(3):
            with connect(api, timeout=0.1) as client, pytest.raises(openai.APITimeoutError):
                client.chat.completions.create(**ASK)
            wait_until_idle(api)
    assert [call.in_flight for call in api.calls] == [1, 1, 1]
    assert api.num_billed == 3


def test_a_late_reply_to_nobody_is_not_counted_again():
    with FakeApi(faults=["stall"], stall_seconds=0.3) as api:
        with connect(api, timeout=0.1) as client, pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(**ASK)
        time.sleep(0.4)
        assert api.in_flight == 0


def test_every_fault_is_one_that_these_tests_ask_for():
    others = {"html", "empty", "error-body", "truncated", "closed", "closed-mid", "stall"}
    assert set(ERRORS) | set(CHOICES) | others == set(FAULTS)


def test_faults_may_depend_on_the_number_and_the_body():
    def fails(number, body):
        return "500" if number == 0 or body.get("seed") == 1 else "ok"

    with FakeApi(faults=fails) as api:
        for more in ({}, {"seed": 1}):
            with pytest.raises(openai.InternalServerError):
                ask(api, **more)
        ask(api)
    assert [call.fault for call in api.calls] == ["500", "500", None]


def test_a_random_schedule_has_its_share_and_repeats_itself():
    def drawn(seed):
        fails = schedule((), share=0.3, seed=seed, kinds=TRANSIENT)
        return [fails(number, ASK) for number in range(2000)]

    faults = drawn(1)
    # 2000 draws at 0.3: 600, and 82 is four standard deviations.
    assert abs(sum(fault is not None for fault in faults) - 600) < 82
    assert set(faults) == {None, *TRANSIENT}
    assert drawn(1) == faults
    assert drawn(2) != faults


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        pytest.param({"faults": ["429", "nope"]}, "fault 'nope' does not exist", id="list"),
        pytest.param({"fault_share": 0.1, "kinds": ["nope"]}, "'nope' does not", id="kinds"),
        pytest.param({"fault_share": 0.1, "faults": ["500"]}, "give one of the two", id="both"),
        pytest.param({"batch_faults": ["prose"]}, "'prose' does not exist here", id="no texts"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(behaviour, message):
    with pytest.raises(ValueError, match=message):
        FakeApi(**behaviour)
