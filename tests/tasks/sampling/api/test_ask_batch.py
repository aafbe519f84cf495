"""Asking in batches, of a real server: what is sent, what comes back, what it costs, what fails."""

import sqlite3
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from batch_process import FAST, PRICE

from storage.input_error import InputError
from tasks.sampling.api.ask_batch import BatchAsking
from tasks.sampling.api.client import ApiUnavailableError
from tasks.sampling.api.ledger import read_ledger
from tasks.sampling.api.params import BudgetParams
from tasks.sampling.api.reply import Outcome
from tasks.sampling.api.request import ApiRequest
from tests.fakes.api_asking import KEY, asking, chat, chats
from tests.fakes.api_client import connect
from tests.fakes.api_server import FakeApi

# "question 0" is 2 words and "Echo 1: question 0" 4, at half of 2 and 10 dollars a million
USD_A_LINE = (2 * 2.0 + 4 * 10.0) / 2 / 1e6

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(BatchAsking, "LIMITS", FAST)


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal.sqlite"


def ask(api, journal, requests, *, run="run", budget=None, progress=None, **params):
    settings = {"batch": True, "max_attempts": 1} | params
    budget = budget or BudgetParams()
    url = api if isinstance(api, str) else api.base_url
    with asking(url, journal, run=run, price=PRICE, budget=budget, **settings) as client:
        return client.ask(requests, progress) if progress else client.ask(requests)


def batches(api):
    """Return the batches that the provider has, the oldest first."""
    with connect(api) as client:
        return client.batches.list(limit=100).data[::-1]


def read(journal, query):
    connection = sqlite3.connect(journal)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def assert_nothing_is_held(journal):
    (held,) = read(journal, "SELECT sum(held_tokens), sum(held_usd) FROM runs")
    assert held == (0, pytest.approx(0.0, abs=1e-12))


def outcomes(replies):
    return [reply.outcome for reply in replies]


def test_replies_are_those_of_single_calls_at_half_the_price(tmp_path, journal):
    requests = [*chats(4), chat("twice", n=2, logprobs=True, top_logprobs=2), chats(1)[0]]
    with FakeApi() as api:
        replies = ask(api, journal, requests)
        singly = ask(api, tmp_path / "other.sqlite", requests, batch=False)
        (batch,) = batches(api)
    times = dict.fromkeys(("cost_usd", "latency_seconds"), 0.0)
    assert [replace(reply, **times) for reply in replies] == [
        replace(reply, **times) for reply in singly
    ]
    assert [reply.cost_usd for reply in replies] == [reply.cost_usd / 2 for reply in singly]
    assert [reply.cost_usd for reply in replies[:4]] == [pytest.approx(USD_A_LINE)] * 4
    assert (batch.endpoint, batch.completion_window) == ("/v1/chat/completions", "24h")
    assert read(journal, "SELECT token, batch_id, status FROM batches") == [
        (batch.metadata["prefline"], batch.id, "completed")
    ]
    (spent,) = read_ledger(journal)
    assert spent.cost_usd == pytest.approx(sum(reply.cost_usd for reply in replies[:-1]))
    assert (spent.calls, spent.attempts_failed) == (5, 0)
    assert_nothing_is_held(journal)


def test_what_is_paid_for_is_not_sent_again(journal):
    with FakeApi() as api:
        first = ask(api, journal, chats(3))
        again = ask(api, journal, chats(4), run="next")
        assert [batch.request_counts.total for batch in batches(api)] == [3, 1]
        ask(api, journal, chats(4), run="last", batch=False)
    assert [reply.reused for reply in again] == [True, True, True, False]
    assert [reply.text for reply in again[:3]] == [reply.text for reply in first]
    assert api.num_billed == 4


@pytest.mark.parametrize(
    ("limits", "models", "sizes"),
    [
        pytest.param({}, ["a"] * 5, [5], id="one"),
        pytest.param({"max_lines": 2}, ["a"] * 5, [2, 2, 1], id="lines"),
        pytest.param({}, ["a", "b", "a", "b", "a"], [3, 2], id="models"),
        pytest.param({"max_lines": 2}, ["a", "b", "a", "b", "a"], [2, 1, 2], id="models and lines"),
        pytest.param({"max_bytes": 1}, ["a"] * 3, [1, 1, 1], id="lines beyond the limit of bytes"),
        # {"custom_id":"<64>","method":"POST","url":"/v1/chat/completions","body":{"model":"a",
        # "messages":[{"role":"user","content":"question 0"}],"max_completion_tokens":16}} and a
        # newline are 226 bytes
        pytest.param({"max_bytes": 452}, ["a"] * 5, [2, 2, 1], id="bytes"),
        pytest.param({"max_bytes": 451}, ["a"] * 2, [1, 1], id="a byte too many"),
    ],
)
def test_a_batch_has_one_model_and_keeps_to_the_limits(journal, monkeypatch, limits, models, sizes):
    monkeypatch.setattr(BatchAsking, "LIMITS", replace(FAST, **limits))
    requests = [chat(f"question {number}", model=model) for number, model in enumerate(models)]
    with FakeApi() as api:
        replies = ask(api, journal, requests)
        assert [batch.request_counts.total for batch in batches(api)] == sizes
    assert [reply.text for reply in replies] == [
        f"Echo 1: question {n}" for n in range(len(models))
    ]
    assert [reply.model for reply in replies] == models


# What the provider says of each line, what it comes to, and whether it costs anything.
LINES = [
    (None, Outcome.OK, True),
    ("429", Outcome.RATE_LIMITED, False),
    ("500", Outcome.SERVER_ERROR, False),
    ("503", Outcome.SERVER_ERROR, False),
    ("400-context", Outcome.BAD_REQUEST, False),
    ("404", Outcome.BAD_REQUEST, False),
    ("closed", Outcome.SERVER_ERROR, False),
    ("html", Outcome.SERVER_ERROR, False),
    ("refusal", Outcome.REFUSAL, True),
    ("content-filter", Outcome.CONTENT_FILTER, True),
    ("length", Outcome.LENGTH, True),
    ("null-content", Outcome.NO_CONTENT, True),
    ("no-choices", Outcome.NO_CHOICES, True),
    ("empty", Outcome.NOT_A_COMPLETION, True),
    ("error-body", Outcome.NOT_A_COMPLETION, True),
]


def test_each_line_has_its_own_outcome(journal):
    with FakeApi(faults=[fault for fault, _, _ in LINES]) as api:
        replies = ask(api, journal, chats(len(LINES)))
        assert len(batches(api)) == 1
    assert outcomes(replies) == [outcome for _, outcome, _ in LINES]
    spent = read(journal, "SELECT outcome, spent_tokens > 0 FROM attempts ORDER BY attempt")
    assert spent == [(outcome, is_billed) for _, outcome, is_billed in LINES]
    assert "context length" in replies[4].reason
    assert replies[5].reason.startswith("HTTP 404: ")
    assert_nothing_is_held(journal)


def test_a_key_that_the_provider_repeats_is_not_written_down(journal):
    with FakeApi(faults=["401", None]) as api:
        replies = ask(api, journal, chats(2))
    assert replies[0].reason == "HTTP 401: Incorrect API key provided: (the key)."
    said = read(journal, "SELECT reply FROM attempts ORDER BY attempt")[0][0]
    assert b"(the key)" in said
    assert all(KEY.encode() not in path.read_bytes() for path in journal.parent.glob("journal.s*"))


def test_lines_that_failed_for_a_while_go_into_the_next_batch(journal):
    told = []
    with FakeApi(faults=["429", None, "400-context", "500", "429"]) as api:
        replies = ask(
            api, journal, chats(4), max_attempts=3, progress=lambda *state: told.append(state[:2])
        )
        assert [batch.request_counts.total for batch in batches(api)] == [4, 2, 1]
    assert outcomes(replies) == [Outcome.OK, Outcome.OK, Outcome.BAD_REQUEST, Outcome.OK]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert api.num_billed == 3


def test_lines_are_not_tried_more_often_than_allowed(journal):
    with FakeApi(faults=lambda number, _: "429" if number != 1 else None) as api:
        replies = ask(api, journal, chats(2), max_attempts=2)
        assert [batch.request_counts.total for batch in batches(api)] == [2, 1]
    assert outcomes(replies) == [Outcome.RATE_LIMITED, Outcome.OK]
    assert replies[0].reason.endswith("(2 attempts)")


def test_not_one_reply_is_no_result(journal):
    with (
        FakeApi(faults=lambda *_: "500") as api,
        pytest.raises(ApiUnavailableError, match="none of 3 calls"),
    ):
        ask(api, journal, chats(3))


def test_what_a_batch_leaves_when_it_expires_costs_nothing_and_is_sent_anew(journal):
    with FakeApi(batch_answers=2) as api:
        replies = ask(api, journal, chats(5))
        assert outcomes(replies) == [Outcome.OK] * 2 + [Outcome.TIMEOUT] * 3
        assert "batch_expired" in replies[4].reason
        spent = read(journal, "SELECT sum(spent_usd) FROM runs")
        assert spent == [(pytest.approx(2 * USD_A_LINE),)]
        assert_nothing_is_held(journal)
        replies = ask(api, journal, chats(5), max_attempts=2)
        assert [batch.request_counts.total for batch in batches(api)] == [5, 3, 1]
    assert outcomes(replies) == [Outcome.OK] * 5
    assert api.num_billed == 5


def test_a_batch_that_somebody_cancels_is_sent_anew_by_the_next_run_alone(journal):
    with FakeApi(batch_polls=40) as api, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, api, journal, chats(4), max_attempts=5)
        while api.num_billed == 0:
            time.sleep(0.01)
        (batch,) = batches(api)
        with connect(api) as client:
            client.batches.cancel(batch.id)
        replies = asked.result(30)
        assert len(batches(api)) == 1
        num_ok = outcomes(replies).count(Outcome.OK)
        assert 0 < num_ok < 4
        assert outcomes(replies) == [Outcome.OK] * num_ok + [Outcome.DISCONNECTED] * (4 - num_ok)
        spent = read(journal, "SELECT sum(spent_usd), max(status) FROM runs, batches")
        assert spent == [(pytest.approx(num_ok * USD_A_LINE), "cancelled")]
        assert_nothing_is_held(journal)
        assert outcomes(ask(api, journal, chats(4), run="next")) == [Outcome.OK] * 4
    assert api.num_billed == 4


# Faults of the calls of a run: the file (0), the batch (1), two polls (2, 3), the replies (4).
PASSING = [
    pytest.param(["500"], id="file: 500"),
    pytest.param(["429"], id="file: 429"),
    pytest.param(["closed"], id="file: no reply"),
    pytest.param(["closed-mid"], id="file: half a reply"),
    pytest.param(["truncated"], id="file: cut-off JSON"),
    pytest.param(["html"], id="file: a page"),
    pytest.param(["empty"], id="file: no id"),
    pytest.param([None, "500"], id="batch: 500"),
    pytest.param([None, "429"], id="batch: 429"),
    pytest.param([None, "closed"], id="batch: no reply"),
    pytest.param([None, "closed-mid"], id="batch: made, half a reply"),
    pytest.param([None, "truncated"], id="batch: made, cut-off JSON"),
    pytest.param([None, "html"], id="batch: a page"),
    pytest.param([None, "empty"], id="batch: no id"),
    pytest.param([None, "closed-mid", "500"], id="batch: made, and the list fails"),
    pytest.param([None, "closed-mid", "html"], id="batch: made, and the list is a page"),
    pytest.param([None, "closed-mid", "empty"], id="batch: made, and the list is no list"),
    pytest.param([None, "closed-mid", "truncated"], id="batch: made, and the list is cut off"),
    pytest.param([None, None, "503"], id="poll: 503"),
    pytest.param([None, None, "429", "429"], id="poll: 429"),
    pytest.param([None, None, "html"], id="poll: a page"),
    pytest.param([None, None, "empty"], id="poll: no id"),
    pytest.param([None, None, "truncated"], id="poll: cut-off JSON"),
    pytest.param([None, None, "error-body"], id="poll: an error under 200"),
    pytest.param([None, None, None, None, "500"], id="replies: 500"),
    pytest.param([None, None, None, None, "closed-mid"], id="replies: half of them"),
    pytest.param([None, None, None, None, "truncated"], id="replies: a line cut off"),
    pytest.param([None, None, None, None, "html", "empty"], id="replies: pages"),
]


@pytest.mark.parametrize("faults", PASSING)
def test_faults_on_the_way_neither_lose_nor_repeat_a_line(journal, faults):
    with FakeApi(batch_faults=faults) as api:
        replies = ask(api, journal, chats(3), max_attempts=3)
        assert len(batches(api)) == 1
    assert outcomes(replies) == [Outcome.OK] * 3
    assert api.num_billed == 3
    assert read(journal, "SELECT sum(spent_usd) FROM runs") == [(pytest.approx(3 * USD_A_LINE),)]
    assert_nothing_is_held(journal)


def test_a_batch_that_the_provider_makes_late_is_waited_for(journal, monkeypatch):
    monkeypatch.setattr(BatchAsking, "LIMITS", replace(FAST, appearance_seconds=20.0))
    with FakeApi(batch_faults=[None, "closed"]) as api, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, api, journal, chats(3))
        while len(api.other_calls) < 5:  # the file, the batch, and looks at the list
            time.sleep(0.01)
        with connect(api) as client:  # what was asked for, as if the provider came to it now
            client.batches.create(**api.other_calls[1].body)
        assert outcomes(asked.result(30)) == [Outcome.OK] * 3
        assert len(batches(api)) == 1


def test_replies_that_never_come_whole_count_as_much_as_they_can_have_cost(journal):
    budget = BudgetParams(max_tokens=10_000)
    faults = [*["ok"] * 4, "truncated", "ok", "truncated", "ok", "truncated"]
    with FakeApi(batch_faults=faults) as api:
        replies = ask(api, journal, chats(3), budget=budget)
    # the file has the lines from the last to the first; half of it is the last and a part
    assert outcomes(replies) == [Outcome.DISCONNECTED] * 2 + [Outcome.OK]
    rows = read(journal, "SELECT spent_tokens = held_tokens FROM attempts ORDER BY attempt")
    assert rows == [(True,), (True,), (False,)]
    assert_nothing_is_held(journal)


# What no other try would get, and how often the provider is asked until it is clear.
REFUSALS = [
    pytest.param(["401"], "refuses the key", id="file: 401"),
    pytest.param(["quota"], "has no credit left", id="file: no credit"),
    pytest.param(["404"], "has no batch endpoint", id="file: 404"),
    pytest.param([None, "401"], "refuses the key", id="batch: 401"),
    pytest.param([None, "quota"], "has no credit left", id="batch: no credit"),
    pytest.param([None, "400-context"], "refuses the batch", id="batch: 400"),
]


@pytest.mark.parametrize(("faults", "message"), REFUSALS)
def test_a_refused_batch_frees_what_it_held(journal, faults, message):
    with FakeApi(batch_faults=faults) as api:
        with pytest.raises(InputError, match=message) as raised:
            ask(api, journal, chats(3), max_attempts=3)
        assert KEY not in "".join(traceback.format_exception(raised.value))
        assert len(api.other_calls) == len(faults)
        assert read(journal, "SELECT sum(spent_tokens) FROM runs") == [(0,)]
        assert_nothing_is_held(journal)
        assert outcomes(ask(api, journal, chats(3))) == [Outcome.OK] * 3
    assert api.num_billed == 3


def test_the_budget_holds_half_the_price_and_leaves_the_rest_pending(journal):
    # {"model":"fake-model","messages":[{"role":"user","content":"question 0"}],
    # "max_completion_tokens":16} is 101 bytes; 64 more for the marks of roles; 16 tokens
    most = ((101 + 64) * 2.0 + 16 * 10.0) / 1e6 / 2
    budget = BudgetParams(max_cost_usd=3.5 * most)
    with FakeApi() as api:
        replies = ask(api, journal, chats(5), budget=budget)
        assert [batch.request_counts.total for batch in batches(api)] == [3]
        assert outcomes(replies) == [Outcome.OK] * 3 + [Outcome.PENDING] * 2
        assert read(journal, "SELECT min(held_usd), max(held_usd) FROM attempts") == [
            (pytest.approx(most), pytest.approx(most))
        ]
        assert outcomes(ask(api, journal, chats(5), run="next")) == [Outcome.OK] * 5
    assert api.num_billed == 5


def test_calls_of_another_endpoint_are_refused_before_anything_is_sent(journal):
    body = {"model": "m", "input": [], "questions": [{}]}
    decision = ApiRequest(endpoint="/decisions", body=body)
    with FakeApi() as api:
        with pytest.raises(
            InputError, match=r"/decisions .*use the backend chat, or set api.batch"
        ):
            ask(api, journal, [*chats(2), decision])
        assert api.other_calls == []
    assert read(journal, "SELECT * FROM attempts") == []


def left_behind(api, journal):
    """Have a batch made, and lose sight of the provider before it is over."""
    with pytest.raises(ApiUnavailableError, match="does not say how its batches are"):
        ask(api, journal, chats(3), run="first")


@pytest.fixture
def impatient(monkeypatch):
    limits = replace(FAST, patience_seconds=0.2)
    monkeypatch.setattr(BatchAsking, "LIMITS", limits)


@pytest.mark.parametrize("batch", [True, False])
def test_a_batch_that_was_lost_sight_of_is_gone_on_with(journal, impatient, batch):
    is_away = threading.Event()
    is_away.set()
    faults = lambda number, _: "503" if number > 1 and is_away.is_set() else None  # noqa: E731
    with FakeApi(batch_faults=faults) as api:
        left_behind(api, journal)
        is_away.clear()
        replies = ask(api, journal, chats(4), run="next", batch=batch, max_attempts=1)
        assert [batch.request_counts.total for batch in batches(api)] == [3, 1][: 1 + batch]
    assert [reply.reused for reply in replies] == [True, True, True, False]
    assert [reply.cost_usd for reply in replies[:3]] == [pytest.approx(USD_A_LINE)] * 3
    assert replies[3].cost_usd == pytest.approx(USD_A_LINE if batch else 2 * USD_A_LINE)
    assert api.num_billed == 4


def test_a_batch_that_the_provider_does_not_know_is_paid_anew_after_its_day(journal, impatient):
    with FakeApi(batch_faults=lambda number, _: "503" if number > 1 else None) as api:
        left_behind(api, journal)
        port = int(api.base_url.split(":")[2].split("/")[0])
    with FakeApi(port=port) as api:
        with pytest.raises(InputError, match=r"does not know 'batch_fake_0000'.*26 hours"):
            ask(api, journal, chats(3))
        assert batches(api) == []
        connection = sqlite3.connect(journal)
        with connection:
            connection.execute("UPDATE batches SET created_at = created_at - 26 * 3600")
        connection.close()
        assert outcomes(ask(api, journal, chats(3))) == [Outcome.OK] * 3
        assert len(batches(api)) == 1
    spent = read(journal, "SELECT run, spent_tokens > 300 FROM runs ORDER BY run")
    assert spent == [("first", True), ("run", False)]
    assert_nothing_is_held(journal)


def test_calls_that_another_run_makes_singly_are_waited_for(journal):
    with FakeApi(delay_seconds=1.0) as api, ThreadPoolExecutor(1) as pool:
        singly = pool.submit(ask, api, journal, chats(2), run="singly", batch=False)
        while api.in_flight < 2:
            time.sleep(0.01)
        replies = ask(api, journal, chats(2), run="in batches")
        assert outcomes(singly.result()) == outcomes(replies) == [Outcome.OK] * 2
        assert batches(api) == []
    assert [reply.reused for reply in replies] == [True, True]
    assert api.num_billed == 2
