"""What a run spends while it asks, and where it stops."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sampling.api.client import ApiUnavailableError
from tasks.sampling.api.params import BudgetParams
from tasks.sampling.api.prices import Price
from tasks.sampling.api.reply import Outcome
from tests.fakes.api_asking import asking, chat, chats, rows
from tests.fakes.api_calls import Call
from tests.fakes.api_server import FakeApi

PRICE = Price(prompt=2.0, completion=10.0, cached_prompt=0.5, cache_write=3.0)
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def with_usage(usage: Any) -> Any:
    choice = {"message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
    return lambda _: {"choices": [choice], "usage": usage}


def test_tokens_of_a_cache_have_their_price(journal: Path) -> None:
    details = {"cached_tokens": 40, "cache_write_tokens": 20}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": details}
    with (
        FakeApi(answer=with_usage(usage)) as api,
        asking(api.base_url, journal, price=PRICE) as client,
    ):
        (reply,) = client.ask([chat("hello")])
    dollars = (40 * 2.0 + 40 * 0.5 + 20 * 3.0 + 10 * 10.0) / 1e6
    assert reply.cost_usd == pytest.approx(dollars)
    assert (reply.prompt_tokens, reply.completion_tokens) == (100, 10)
    assert rows(journal, "SELECT spent_usd, held_tokens FROM runs") == [(pytest.approx(dollars), 0)]


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 2**63, "completion_tokens": 1}])
def test_a_reply_without_usage_counts_as_the_most_it_can_have_cost(
    journal: Path, usage: Any
) -> None:
    with (
        FakeApi(answer=with_usage(usage)) as api,
        asking(api.base_url, journal, price=PRICE) as client,
    ):
        (reply,) = client.ask([chat("hello")])
        hold = client.server.bill.hold(chat("hello"))
    assert (reply.text, reply.cost_usd) == ("yes", pytest.approx(hold.usd))
    query = "SELECT spent_tokens, held_tokens, prompt_tokens FROM attempts"
    assert rows(journal, query) == [(hold.tokens, hold.tokens, None)]


PENDING_BUDGETS = [BudgetParams(max_tokens=0), BudgetParams(max_cost_usd=0.0)]


@pytest.mark.parametrize("budget", PENDING_BUDGETS, ids=["tokens", "dollars"])
def test_without_a_budget_nothing_is_asked(journal: Path, budget: BudgetParams) -> None:
    with (
        FakeApi() as api,
        asking(api.base_url, journal, price=PRICE, budget=budget) as client,
    ):
        replies = client.ask(chats(20))
        assert {(reply.outcome, reply.text) for reply in replies} == {(Outcome.PENDING, None)}
        assert "budget" in replies[0].reason
        assert api.calls == []


def test_thousands_of_pending_requests_cost_neither_time_nor_turns(journal: Path) -> None:
    budget = BudgetParams(max_tokens=4 * 185)  # of a hold of 184 at most, 6 or so are used
    with (
        FakeApi(delay_seconds=0.05) as api,
        asking(api.base_url, journal, budget=budget) as client,
    ):
        before = time.process_time()
        replies = client.ask(chats(5000))
        used = time.process_time() - before
        num_called = len(api.calls)
    assert Counter(reply.outcome for reply in replies) == {
        Outcome.OK: num_called,
        Outcome.PENDING: 5000 - num_called,
    }
    # One after the other, 6 tokens a call: until 740 - 6 k is less than the next hold of 184.
    assert num_called >= 80
    assert used < 30.0


def test_a_later_run_with_more_budget_asks_what_is_pending_and_nothing_else(journal: Path) -> None:
    with FakeApi() as api:
        with asking(api.base_url, journal, budget=BudgetParams(max_tokens=500)) as client:
            first = client.ask(chats(100))
        num_first = len(api.calls)
        pending = [reply.key for reply in first if reply.outcome is Outcome.PENDING]
        assert len(pending) == 100 - num_first > 0
        with asking(api.base_url, journal, run="run 2") as client:
            second = client.ask(chats(100))
        assert len(api.calls) == 100
    assert {reply.outcome for reply in second} == {Outcome.OK}
    assert [reply.key for reply in second if not reply.reused] == pending


@contextmanager
def watching(path: Path) -> Iterator[list[tuple[int, float]]]:
    """Yield what a run uses, held and spent, as another process would read it all the time."""
    seen: list[tuple[int, float]] = [(0, 0.0)]
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.002):
            seen.extend(
                rows(path, "SELECT held_tokens + spent_tokens, held_usd + spent_usd FROM runs")
            )

    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    over.set()
    thread.join()


@settings(max_examples=12, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=60),
    share=st.floats(0, 1.2),
    in_dollars=st.booleans(),
    seed=st.integers(0, 9),
)
def test_the_budget_is_never_exceeded_for_a_moment(
    lengths: list[int], share: float, in_dollars: bool, seed: int
) -> None:
    requests = [chat(f"{k}" + " word" * length) for k, length in enumerate(lengths)]
    # 2 tokens for the words of the reply's start, and each word once in the prompt and the reply
    billed = sum(2 * (length + 1) + 2 for length in lengths)
    most = int(billed * share * 10)
    price = Price(prompt=1000.0, completion=1000.0)
    limits = {"max_cost_usd": most / 1000} if in_dollars else {"max_tokens": most}
    kinds = ("500", "429-no-header", "html", "truncated", "closed", "null-content")
    with (
        TemporaryDirectory() as folder,
        FakeApi(fault_share=0.2, seed=seed, kinds=kinds) as api,
    ):
        path = Path(folder) / "journal.sqlite"
        budget = BudgetParams(**limits)
        with (
            asking(api.base_url, path, budget=budget, price=price, max_attempts=20) as client,
            watching(path) as seen,
        ):
            try:
                replies = client.ask([_with_room(request) for request in requests])
            except ApiUnavailableError:
                replies = []
        (used,) = rows(path, "SELECT coalesce(sum(spent_tokens), 0) FROM attempts")
        counts = Counter(reply.outcome for reply in replies)
        assert not counts or counts[Outcome.OK] + counts[Outcome.PENDING] == len(requests)
        num_billed = sum(_billed(call) for call in api.calls if call.is_billed)
        assert max(used[0], *(tokens for tokens, _ in seen)) <= most
        assert num_billed <= used[0]
        assert max(usd for _, usd in seen) <= most / 1000 * (1 + 1e-9)


def _with_room(request: Any) -> Any:
    return chat(request.body["messages"][0]["content"], max_completion_tokens=410)


def _billed(call: Call) -> int:
    """Return the words of a prompt and of what was said, which is its echo or nothing."""
    num_words = len(call.body["messages"][0]["content"].split())
    return num_words if call.fault == "null-content" else num_words + num_words + 2
