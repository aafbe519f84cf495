"""Keeping to the limits of a server while asking it."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from tasks.sampling.api.params import BudgetParams
from tasks.sampling.api.reply import Outcome
from tests.fakes.api_asking import asking, chat, chats
from tests.fakes.api_server import FakeApi

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_calls_keep_to_the_limit_of_requests(journal: Path) -> None:
    with (
        FakeApi() as api,
        asking(api.base_url, journal, requests_per_minute=1200) as client,  # one in 50 ms
    ):
        client.ask(chats(20))
        at = [call.at for call in api.calls]
    assert at[-1] - at[0] >= 19 * 0.05 - 0.2  # the first call is slow to leave


def test_calls_keep_to_the_limit_of_tokens(journal: Path) -> None:
    # {"model":"fake-model","messages":[{"role":"user","content":"question 0"}],
    # "max_completion_tokens":16} is 101 bytes: 25 tokens, and 16 of completion.
    with (
        FakeApi() as api,
        asking(api.base_url, journal, tokens_per_minute=41 * 1200) as client,  # one in 50 ms
    ):
        client.ask(chats(10) * 2 + [chat(f"Question {k}") for k in range(10)])
        at = [call.at for call in api.calls]
    assert at[-1] - at[0] >= 19 * 0.05 - 0.2  # the first call is slow to leave
    assert len(at) == 20


def test_what_comes_to_no_call_takes_nothing_of_the_limits(journal: Path) -> None:
    with FakeApi() as api:
        budget = BudgetParams(max_tokens=0)
        with asking(api.base_url, journal, budget=budget, requests_per_minute=60) as client:
            started = time.monotonic()
            assert {reply.outcome for reply in client.ask(chats(300))} == {Outcome.PENDING}
            assert time.monotonic() - started < 20.0  # at a call a second it would be 300
        assert api.calls == []


@pytest.mark.parametrize("limits", [{}, {"requests_per_minute": 3000}], ids=["free", "paced"])
def test_when_the_server_asks_to_wait_all_calls_wait(journal: Path, limits: dict[str, int]) -> None:
    with (
        FakeApi(faults=[None] * 4 + ["429"], retry_after_seconds=1.0, delay_seconds=0.02) as api,
        asking(api.base_url, journal, max_concurrency=4, **limits) as client,
    ):
        replies = client.ask(chats(40))
        at = [call.at for call in api.calls]
    assert {reply.outcome for reply in replies} == {Outcome.OK}
    gaps = [after - before for before, after in pairwise(at)]
    assert max(gaps) >= 0.9
    pause = gaps.index(max(gaps))
    assert 4 <= pause <= 12  # beside the fifth call only those that were on their way
    assert len(at) == 41
