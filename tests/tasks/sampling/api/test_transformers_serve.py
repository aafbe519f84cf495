"""A real server of a real, tiny language model: what it returns is read for what it is."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.judging.comparison import Comparison
from tasks.judging.decide import decide
from tasks.judging.llm_judge import LlmJudge
from tasks.judging.load_rubric import load_rubric
from tasks.judging.params import JudgingParams
from tasks.pairs.api_candidates import api_candidates
from tasks.sampling.api.client import ApiClient
from tasks.sampling.api.connect import connect
from tasks.sampling.api.journal import open_journal
from tasks.sampling.api.params import ApiParams, BudgetParams, ChatParams
from tasks.sampling.api.prices import Prices
from tests.tasks.conftest import write_tiny_policy

START_SECONDS = 120
CHAT = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
PROMPTS = [
    Prompt(source="t", split="train", messages=(Message("user", text),), cluster=text, origin="t:1")
    for text in ("Was it good?", "Is it new?")
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of `transformers serve` and the model that it serves."""
    home = tmp_path_factory.mktemp("serve")
    model = write_tiny_policy("llama", home / "model")
    (model / "chat_template.jinja").write_text(CHAT, encoding="utf-8")
    (home / "hub").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model)]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--device", "cpu", "--port", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HOME": str(home)},
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server, home / "log")
            yield f"http://127.0.0.1:{port}/v1", str(model)
        finally:
            server.kill()
            server.wait()


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"transformers serve did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture
def client(served: tuple[str, str], tmp_path: Path) -> Iterator[ApiClient]:
    budget = BudgetParams()
    with open_journal(tmp_path / "journal.sqlite", run="r", stage="s", budget=budget) as journal:
        params = ApiParams(base_url=served[0], max_concurrency=4, retry_wait_seconds=0.1)
        yield ApiClient(connect(params, journal, Prices.read(""), api_key="none"))


def test_a_tiny_model_answers_and_missing_texts_are_asked_for_one_by_one(client, served):
    """The server ignores `n`: each call brings one text, and the others are asked for alone."""
    chat = ChatParams(max_completion_tokens=8, temperature=1.0)
    got = api_candidates(client, served[1], PROMPTS, num_samples=3, chat=chat)
    assert {(row.prompt_id, row.sample_index) for row in got.completions} | {
        (fault.prompt_id, -1) for fault in got.faults
    } >= {(prompt.prompt_id, 0) for prompt in PROMPTS}
    assert len(got.completions) + len(got.faults) == 6
    assert all(0 < row.num_tokens <= 8 for row in got.completions)
    before = dict(client.reused)
    again = api_candidates(client, served[1], PROMPTS, num_samples=3, chat=chat)
    assert again.completions == got.completions
    assert sum(client.reused.values()) > sum(before.values())


def test_a_model_that_cannot_judge_is_unparsable_and_decides_nothing(client, served):
    """It is asked for JSON under a schema, which the server does not enforce."""
    params = JudgingParams(judge=f"llm:{served[1]}", max_completion_tokens=8)
    judge = LlmJudge(client, served[1], load_rubric("pairwise-overall"), params)
    prompt = PROMPTS[0]
    a, b = (
        Completion(
            prompt_id=prompt.prompt_id, policy="p", text=text, sample_index=i, temperature=1.0,
            seed=0, finish_reason="stop", num_tokens=2,
        )
        for i, text in enumerate(("Yes.", "No."))
    )  # fmt: skip
    first, second = judge.compare([Comparison(prompt, a, b)])
    assert {first.choice, second.choice} <= {"unparsable", None}
    assert first.score is None
    assert decide(first, second).choice in {"unparsable", "failed"}
