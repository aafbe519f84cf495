"""Asking a server over HTTP, through a journal on disk."""

import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage.input_error import InputError
from tasks.sampling.api.client import ApiUnavailableError
from tasks.sampling.api.reply import Outcome
from tests.fakes.api_asking import KEY, asking, chat, chats, rows
from tests.fakes.api_server import FakeApi

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def outcomes(path: Path) -> list[str]:
    return [row[0] for row in rows(path, "SELECT outcome FROM attempts ORDER BY attempt")]


TRANSIENT = [
    ("429", "rate-limited", False),
    ("429-no-header", "rate-limited", False),
    ("500", "server-error", False),
    ("503", "server-error", False),
    ("html", "not-json", True),
    ("truncated", "not-json", True),
    ("empty", "not-a-completion", True),
    ("error-body", "not-a-completion", True),
    ("no-choices", "no-choices", True),
    ("null-content", "no-content", True),
    ("blank-content", "no-content", True),
    ("closed", "disconnected", True),
    ("closed-mid", "disconnected", True),
    ("stall", "timeout", True),
]


@pytest.mark.parametrize(("fault", "name", "is_counted"), TRANSIENT)
def test_a_fault_that_passes_is_written_down_and_the_call_made_again(
    journal: Path, fault: str, name: str, is_counted: bool
) -> None:
    with (
        FakeApi(faults=[fault], stall_seconds=5.0, retry_after_seconds=0.01) as api,
        asking(api.base_url, journal, timeout_seconds=1.0) as client,
    ):
        (reply,) = client.ask([chat("hello")])
        assert (reply.outcome, reply.text) == (Outcome.OK, "Echo 1: hello")
        assert len(api.calls) == 2
    assert outcomes(journal) == [name, "ok"]
    (spent,) = rows(journal, "SELECT spent_tokens, detail FROM attempts ORDER BY attempt LIMIT 1")
    assert (spent[0] > 0) is is_counted
    assert spent[1]


FINAL = [
    ("refusal", "refusal", 0),
    ("content-filter", "content-filter", 0),
    ("fewer", "fewer-choices", 1),
    ("length", "length", 2),
    ("prose", "ok", 2),
]


@pytest.mark.parametrize(("fault", "name", "num_texts"), FINAL)
def test_what_a_model_said_is_kept_and_not_asked_again(
    journal: Path, fault: str, name: str, num_texts: int
) -> None:
    request = chat("hello you there", n=2)
    with FakeApi(faults=[fault]) as api:
        with asking(api.base_url, journal) as client:
            (first,) = client.ask([request])
        with asking(api.base_url, journal, run="another") as client:
            (again,) = client.ask([request])
        assert len(api.calls) == 1
    assert (str(first.outcome), len(first.choices)) == (name, num_texts)
    assert (first.reused, again.reused) == (False, True)
    assert (again.outcome, again.choices, again.reason, again.prompt_tokens) == (
        first.outcome,
        first.choices,
        first.reason,
        first.prompt_tokens,
    )


def test_a_bad_request_is_not_repeated(journal: Path) -> None:
    with FakeApi(faults=["400-context"]) as api, asking(api.base_url, journal) as client:
        bad, good = client.ask(chats(2))
        assert len(api.calls) == 2
    assert sorted([bad.outcome, good.outcome]) == [Outcome.BAD_REQUEST, Outcome.OK]
    assert "maximum context length" in bad.reason + good.reason


def test_a_fault_that_stays_is_given_up_after_so_many_attempts(journal: Path) -> None:
    def fault(number: int, body: dict[str, Any]) -> str | None:
        return "500" if "question 3" in str(body) else None

    with (
        FakeApi(faults=fault) as api,
        asking(api.base_url, journal, max_attempts=4) as client,
    ):
        replies = client.ask(chats(10))
        assert len(api.calls) == 9 + 4
        assert client.ask(chats(3)) == client.ask(chats(3))  # and these cost nothing
        assert len(api.calls) == 9 + 4
    assert Counter(reply.outcome for reply in replies) == {Outcome.OK: 9, Outcome.SERVER_ERROR: 1}
    assert replies[3].reason.startswith("HTTP 500")
    assert replies[3].reason.endswith("(4 attempts)")
    assert replies[3].text is None


def test_each_request_is_asked_once_and_each_reply_stands_in_its_place(journal: Path) -> None:
    first, second = chat("a"), chat("b")
    draws = [chat("a", sample_index=1), chat("a", sample_index=2)]
    asked = [second, first, first, *draws, second]
    progress: list[tuple[int, int]] = []
    with FakeApi() as api, asking(api.base_url, journal) as client:
        assert client.ask([]) == []
        client.ask([first])
        replies = client.ask(asked, lambda done, total, _="": progress.append((done, total)))
        assert len(api.calls) == 4
        again = client.ask(asked)
        assert len(api.calls) == 4
    assert [reply.text for reply in replies] == [f"Echo 1: {text}" for text in "baaaab"]
    assert [reply.key for reply in again] == [request.key(api.base_url) for request in asked]
    assert [reply.reused for reply in replies] == [False, True, True, False, False, False]
    assert progress == [(2, 4), (3, 4), (4, 4)]


def test_replies_are_on_disk_before_anybody_hears_of_them(journal: Path) -> None:
    seen = []
    query = "SELECT count(*) FROM attempts WHERE outcome = 'ok' AND length(reply) > 100"

    def look(done: int, total: int, note: str = "") -> None:
        seen.append(rows(journal, query)[0][0] >= done)

    with FakeApi() as api, asking(api.base_url, journal) as client:
        client.ask(chats(60), look)
    assert seen == [True] * 60


def test_no_more_calls_are_in_flight_than_allowed(journal: Path) -> None:
    with (
        FakeApi(delay_seconds=0.05) as api,
        asking(api.base_url, journal, max_concurrency=3) as client,
    ):
        client.ask(chats(12))
        assert api.max_in_flight == 3


FATAL = [("401", "refuses the key"), ("404", "no model"), ("quota", "no credit")]


@pytest.mark.parametrize(("fault", "words"), FATAL)
def test_a_fault_of_all_calls_stops_them_and_keeps_what_is_in_flight(
    journal: Path, fault: str, words: str
) -> None:
    def fail(number: int, body: dict[str, Any]) -> str | None:
        return fault if number == 3 else None

    with (
        FakeApi(faults=fail, delay_seconds=0.2) as api,
        asking(api.base_url, journal, max_concurrency=8) as client,
    ):
        with pytest.raises(InputError, match=words) as raised:
            client.ask(chats(100))
        num_calls = len(api.calls)
        assert num_calls <= 16
        assert Counter(outcomes(journal))["ok"] == num_calls - 1
        assert rows(journal, "SELECT held_tokens FROM runs") == [(0,)]
        assert KEY not in repr(raised.value)
        assert [reply.outcome for reply in client.ask(chats(100))] == [Outcome.OK] * 100
        assert len(api.calls) == 101


def test_a_fatal_fault_does_not_wait_for_the_turns_of_others(journal: Path) -> None:
    with (
        FakeApi(faults=lambda *_: "401") as api,
        asking(api.base_url, journal, requests_per_minute=30) as client,
    ):
        started = time.monotonic()
        with pytest.raises(InputError):
            client.ask(chats(50))
        assert time.monotonic() - started < 20.0
        assert len(api.calls) <= 2


def test_a_server_that_is_down_is_said_to_be_and_nothing_counts_as_spent(journal: Path) -> None:
    with FakeApi() as api:
        url = api.base_url
    with (
        asking(url, journal, max_attempts=3) as client,
        pytest.raises(ApiUnavailableError, match=r"none of 5 calls .* disconnected"),
    ):
        client.ask(chats(5))
    assert outcomes(journal) == ["disconnected"] * 15
    assert rows(journal, "SELECT held_tokens, spent_tokens FROM runs") == [(0, 0)]


def test_one_request_that_no_model_answers_does_not_stop_the_rest(journal: Path) -> None:
    def fault(number: int, body: dict[str, Any]) -> str | None:
        return "null-content" if "question 3" in str(body) else None

    with FakeApi(faults=fault) as api, asking(api.base_url, journal, max_attempts=2) as client:
        for _ in range(2):  # the second time it is the only one that is asked
            replies = client.ask(chats(5))
            assert replies[3].outcome is Outcome.NO_CONTENT
        assert len(api.calls) == 4 + 2 + 2


def test_the_key_is_in_no_file_log_or_error(
    journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    choice = {"message": {"content": f"Bearer {KEY}"}, "finish_reason": "stop"}
    faults = ["500", "429-no-header", "html", "closed", "400-context", "401"]
    caplog.set_level("DEBUG")
    with FakeApi(faults=faults, answer=lambda _: {"choices": [], "said": choice}) as api:
        with asking(api.base_url, journal, max_concurrency=1, max_attempts=2) as client:
            with pytest.raises(InputError) as raised:
                client.ask(chats(9))
            shown = [repr(client), repr(client.server), repr(raised.value), str(raised.value)]
            files = [path.read_bytes() for path in journal.parent.rglob("*") if path.is_file()]
        assert api.calls[0].key == KEY
    secret = KEY.removeprefix("sk-test-")
    assert secret not in caplog.text + "".join(shown)
    assert not any(secret.encode() in content for content in files)


def rename(path: Path, old: str, new: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")


def test_a_journal_that_can_no_longer_be_written_is_one_clear_error(journal: Path) -> None:
    def break_it(done: int, total: int, note: str = "") -> None:
        if done == 1:
            rename(journal, "attempts", "away")

    with FakeApi() as api:
        with (
            asking(api.base_url, journal, max_concurrency=8) as client,
            pytest.raises(OSError, match=r"journal\.sqlite' cannot be written"),
        ):
            client.ask(chats(50), break_it)
        num_before = len(api.calls)
        assert num_before <= 1 + 8 + 8  # those that were in flight
        rename(journal, "away", "attempts")
        with asking(api.base_url, journal) as client:  # the claims of the first one are given up
            assert [reply.outcome for reply in client.ask(chats(50))] == [Outcome.OK] * 50
        assert len(api.calls) <= num_before + 50


def test_two_threads_with_the_same_job_pay_once(journal: Path) -> None:
    with FakeApi(delay_seconds=0.01) as api:
        replies: list[Any] = []

        def ask() -> None:
            with asking(api.base_url, journal) as client:
                replies.extend(client.ask(chats(100)))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(api.calls) == 100
    assert Counter(reply.outcome for reply in replies) == {Outcome.OK: 300}
    assert Counter(reply.reused for reply in replies)[False] == 100
