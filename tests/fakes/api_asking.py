"""A client of a fake API and the journal that it keeps; as a script, one that may be killed."""

import argparse
import signal
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson

from tasks.sampling.api.bill import Bill
from tasks.sampling.api.client import ApiClient
from tasks.sampling.api.journal import open_journal
from tasks.sampling.api.params import ApiParams, BudgetParams
from tasks.sampling.api.prices import Price, Prices
from tasks.sampling.api.request import ApiRequest
from tasks.sampling.api.server import Server

MODEL = "fake-model"
KEY = "sk-test-5f1e0c2b9a7d4e86"
NO_LIMIT = BudgetParams()


def chat(text: str, *, sample_index: int = 0, **fields: Any) -> ApiRequest:
    """Return a request for a reply to one user message, of at most 16 tokens unless given."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": text}],
        "max_completion_tokens": 16,
    }
    return ApiRequest(body=body | fields, sample_index=sample_index)


def chats(num: int) -> list[ApiRequest]:
    """Return `num` requests, each another one."""
    return [chat(f"question {number}") for number in range(num)]


def rows(journal: Path, query: str) -> list[tuple[Any, ...]]:
    """Return what a query finds in a journal, by a connection of its own."""
    with closing(sqlite3.connect(journal)) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def asking(
    url: str,
    journal: Path,
    *,
    run: str = "run",
    budget: BudgetParams = NO_LIMIT,
    price: Price | None = None,
    key: str = KEY,
    **params: Any,
) -> Iterator[ApiClient]:
    """Yield a client of the server at `url`, with short waits; `params` are fields of ApiParams."""
    limits = {"retry_wait_seconds": 0.01, "timeout_seconds": 20.0} | params
    prices = Prices({MODEL: price} if price else {})
    with open_journal(journal, run=run, stage="judge", budget=budget) as opened:
        api_params = ApiParams(base_url=url, **limits)
        yield ApiClient(Server(api_params, Bill(prices, url), opened, key))


def main(given: Sequence[str] | None = None) -> None:
    """Ask, and print one JSON line: how often each outcome came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("journal", type=Path)
    parser.add_argument("--num", type=int, default=100)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--timeout", type=float, default=20.0)
    arguments = parser.parse_args(given)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind a shell's `&`
    with asking(
        arguments.url,
        arguments.journal,
        max_concurrency=arguments.concurrency,
        timeout_seconds=arguments.timeout,
    ) as client:
        sys.stdout.write("asking\n")
        sys.stdout.flush()
        outcomes = [reply.outcome for reply in client.ask(chats(arguments.num))]
    sys.stdout.buffer.write(
        orjson.dumps({str(name): outcomes.count(name) for name in set(outcomes)})
    )


if __name__ == "__main__":
    main()
