"""Measure the API client and its journal beside the openai client under it; run it as a script.

Example: `PYTHONPATH=. python tests/benchmarks/bench_api.py --quick`. A fake server in a process of
its own answers. What is compared is measured in the same run, in turns; trust the ratios.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.sampling.api.client import ApiClient
from tasks.sampling.api.params import BudgetParams
from tasks.sampling.api.request import ApiRequest
from tests.fakes.api_asking import KEY, asking, chat

CHECKOUT = Path(__file__).resolve().parents[2]
VERDICT = "tests.fakes.judge_answer:prefer_first"
ASKING = [sys.executable, "-m", "tests.fakes.api_asking"]
WORDS = [
    "which",
    "of",
    "these",
    "two",
    "answers",
    "is",
    "the",
    "better",
    "one",
    "and",
    "why",
    "do",
    "you",
    "think",
    "so",
]


def say(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def judgements(num: int) -> list[ApiRequest]:
    """Return requests with prompts of about 2 kB."""
    draw = random.Random(1)
    return [chat(f"{k} " + " ".join(draw.choices(WORDS, k=400))) for k in range(num)]


@contextmanager
def serving(directory: Path, **options: object) -> Iterator[tuple[str, Path]]:
    """Yield the address of a fake server in its own process, and the log of its calls."""
    log = directory / f"calls-{time.monotonic_ns()}.jsonl"
    command = [
        sys.executable,
        "-m",
        "tests.fakes.api_server",
        "--log",
        str(log),
        "--answer",
        VERDICT,
    ]
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    with subprocess.Popen(
        [*command, *given], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as server:
        if server.stdout is None:
            raise RuntimeError("the server has no output to read its address from")
        yield server.stdout.readline().strip(), log
        server.kill()


def lines(log: Path) -> list[dict[str, object]]:
    """Return the calls that the server got."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def journal_in(directory: Path) -> Path:
    """Return the path of a new journal."""
    return directory / f"journal-{time.monotonic_ns()}.sqlite"


def bench_faults(directory: Path, num: int) -> None:
    """Print what becomes of judgements when 30 of 100 calls fail."""
    with serving(directory, faults=0.3, seed=1, stall_seconds=3) as (url, log):
        with asking(url, journal_in(directory), timeout_seconds=1.0) as client:
            started = time.perf_counter()
            outcomes = Counter(str(reply.outcome) for reply in client.ask(judgements(num)))
            seconds = time.perf_counter() - started
            num_calls = len(lines(log))
            client.ask(judgements(num))
        num_again = len(lines(log)) - num_calls
        num_billed = sum(bool(call["is_billed"]) for call in lines(log))
    say(f"1. {num:,} judgements, 30 % of calls fail: {dict(outcomes)} in {seconds:.1f} s")
    say(f"   {num_calls:,} calls, {num_billed:,} billed by the server; a rerun makes {num_again}")


def start(url: str, journal: Path, num: int) -> "subprocess.Popen[str]":
    """Return a process that asks `num` questions, 32 at a time."""
    child = subprocess.Popen(
        [*ASKING, url, str(journal), "--num", f"{num}", "--concurrency", "32"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    )
    if child.stdout is None or child.stdout.readline() != "asking\n":
        raise RuntimeError("the process that was to ask did not begin")
    return child


def bench_kills(directory: Path, num: int, num_kills: int = 9) -> None:
    """Print how many calls are repeated after kill -9."""
    draw, journal = random.Random(1), journal_in(directory)
    with serving(directory, delay_ms=50) as (url, log):
        for _ in range(num_kills):
            num_before = len(lines(log))
            child = start(url, journal, num)
            while len(lines(log)) == num_before and child.poll() is None:
                time.sleep(0.01)
            time.sleep(draw.uniform(0.0, 0.25))
            child.kill()
            child.communicate()
        num_killed = len(lines(log))
        started = time.perf_counter()
        said = start(url, journal, num).communicate()[0]
        seconds = time.perf_counter() - started
        asked = Counter(call["sha256"] for call in lines(log))
    repeated = asked.total() - len(asked)
    say(
        f"2. {num_kills} times kill -9, 32 in flight, {num:,} judgements ({num_killed:,} calls then)"
    )
    say(
        f"   finished: {said} in {seconds:.1f} s; {len(asked):,} different calls, {repeated} repeated"
        f" ({repeated / num_kills:.1f} a kill)"
    )


def bench_processes(directory: Path, num: int) -> None:
    """Print how many calls two processes make for one job."""
    journal = journal_in(directory)
    with serving(directory, delay_ms=20) as (url, log):
        children = [start(url, journal, num) for _ in range(2)]
        said = [child.communicate()[0] for child in children]
        num_calls = len(lines(log))
    say(f"3. two processes, the same {num:,} judgements: {num_calls:,} calls; they report {said}")


def bench_budget(directory: Path, num: int) -> None:
    """Print what is spent under a limit of tokens."""
    most = num * 200
    journal = journal_in(directory)
    with (
        serving(directory, delay_ms=5) as (url, log),
        asking(url, journal, budget=BudgetParams(max_tokens=most)) as client,
    ):
        started = time.perf_counter()
        outcomes = Counter(str(reply.outcome) for reply in client.ask(judgements(num)))
        seconds = time.perf_counter() - started
        num_calls = len(lines(log))
        with closing(sqlite3.connect(journal)) as connection:
            spent, held = connection.execute(
                "SELECT spent_tokens, held_tokens FROM runs"
            ).fetchone()
    say(f"4. at most {most:,} tokens for {num:,} judgements: {dict(outcomes)} in {seconds:.1f} s")
    say(f"   {num_calls:,} calls, {spent:,} tokens spent ({spent / most:.1%}), {held} still held")


@dataclass(frozen=True, slots=True)
class Load:
    """What a number of calls took: wall-clock, and CPU of the process and of the journal in it."""

    num: int
    seconds: float
    cpu_seconds: float
    journal_cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.num / self.seconds

    @property
    def cpu_ms(self) -> float:
        """CPU of the process for a call."""
        return 1000 * self.cpu_seconds / self.num

    @property
    def journal_cpu_ms(self) -> float:
        """CPU of the journal's thread for a call."""
        return 1000 * self.journal_cpu_seconds / self.num


async def ask_bare(url: str, requests: list[ApiRequest], concurrency: int) -> None:
    """Ask with nothing but the openai client."""
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    http = DefaultAsyncHttpxClient(limits=limits)
    waiting = iter(requests)

    async def work(client: AsyncOpenAI) -> None:
        for request in waiting:
            reply = await client.chat.completions.create(**request.body)
            if not reply.choices[0].message.content:
                raise RuntimeError("the server sent a reply without a text")

    async with AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, http_client=http) as client:
        await asyncio.gather(*[work(client) for _ in range(concurrency)])


def load_of(num: int, action: Callable[[], object], client: ApiClient | None = None) -> Load:
    """Return what `action` took."""

    def journal_cpu() -> float:
        return client.server.journal.run(lambda _: time.thread_time()) if client else 0.0

    in_journal, cpu, started = journal_cpu(), time.process_time(), time.perf_counter()
    action()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return Load(num, seconds, cpu, journal_cpu() - in_journal)


def bench_rate(
    directory: Path, num: int, delay_ms: int, concurrency: int, repeats: int = 3
) -> None:
    """Print rates and CPU with so many calls in flight, in turns with the bare openai client."""
    ours: list[Load] = []
    bare: list[Load] = []
    requests = judgements(num)
    with serving(directory, delay_ms=delay_ms) as (url, _):
        asyncio.run(ask_bare(url, requests[:50], concurrency))  # imports, connections
        for _ in range(repeats):
            bare.append(load_of(num, lambda: asyncio.run(ask_bare(url, requests, concurrency))))
            with asking(url, journal_in(directory), max_concurrency=concurrency) as client:
                ours.append(load_of(num, lambda: client.ask(requests), client))
    say(f"   {concurrency} in flight, a server of {delay_ms} ms, {num:,} calls, {repeats} times:")
    for name, loads in (("ours", ours), ("openai client alone", bare)):
        rates = [load.rate for load in loads]
        cpu = statistics.median(load.cpu_ms for load in loads)
        say(
            f"   {name:20} {statistics.median(rates):7.0f} calls/s ({min(rates):.0f}-{max(rates):.0f})"
            f"   {cpu:.2f} ms CPU a call"
        )
    more = statistics.median(load.cpu_ms for load in ours) - statistics.median(
        load.cpu_ms for load in bare
    )
    journal = statistics.median(load.journal_cpu_ms for load in ours)
    say(
        f"   {more:+.2f} ms CPU a call beyond the openai client; the journal's thread {journal:.2f} ms"
    )
    if delay_ms:
        say(f"   80 % of the ideal rate: {0.8 * concurrency / (delay_ms / 1000):.0f} calls/s")


def main() -> None:
    """Run the benchmarks in a temporary directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    parser.add_argument("--only", type=int, help="one of the six")
    arguments = parser.parse_args()
    num = 200 if arguments.quick else 2000
    directory = Path(tempfile.mkdtemp())
    benches: dict[int, Callable[[], None]] = {
        1: lambda: bench_faults(directory, num),
        2: lambda: bench_kills(directory, num),
        3: lambda: bench_processes(directory, num),
        4: lambda: bench_budget(directory, num),
        5: lambda: bench_rate(directory, num, delay_ms=0, concurrency=32),
        6: lambda: bench_rate(directory, num, delay_ms=50, concurrency=64),
    }
    say(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    try:
        for number, bench in benches.items():
            if arguments.only in {None, number}:
                if number >= 5:
                    say(f"{number}. {'CPU' if number == 5 else 'rate'}")
                bench()
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
